/** The brokers as one reads them from options and the environment, as librdkafka takes them. */

/** `host:port`s with commas between them; undefined where there is none. */
export function brokerList(brokers: string | readonly string[] | undefined): string | undefined {
  const list = (typeof brokers === 'string' ? brokers.split(',') : (brokers ?? []))
    .map((broker) => broker.trim())
    .filter((broker) => broker !== '');
  const wrong = list.find((broker) => !/^[^\s/@]+$/.test(broker));
  if (wrong !== undefined) throw new TypeError('brokers: expected host:port, without a scheme or a password');
  return list.length === 0 ? undefined : list.join(',');
}
