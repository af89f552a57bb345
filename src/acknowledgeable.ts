/**
 * What is given out to be worked on and comes back settled: a topic's records, the items of an acknowledged stream.
 * Operators know no more of either.
 */

/** Something that counts as out until it is settled; settling it twice does nothing. */
export interface Acknowledgeable {
  /** Done with it: makes room for another. */
  ack(): void;
  /** Not done: what becomes of it is up to where it comes from. */
  nack(): void;
}

export function isAcknowledgeable(given: unknown): given is Acknowledgeable {
  const { ack, nack } = (given ?? {}) as Partial<Acknowledgeable>;
  return typeof ack === 'function' && typeof nack === 'function';
}
