/** The options that serve, call and notify share, and the connection they ask for. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Connection, connect, KafkaError, type ServerIssue } from '../index.js';
import { findBroker } from './broker-file.js';
import { type Config, readConfig } from './config.js';
import { shown } from './output.js';
import { userFrames } from './stack.js';
import { UsageError } from './usage-error.js';

/** Where Kafka is. */
export interface BrokerOptions {
  readonly brokers?: string;
  readonly config?: string;
}

export interface ConnectionOptions extends BrokerOptions {
  readonly codec: 'json' | 'msgpack';
  readonly interop?: 'pipeline' | 'spring' | 'nest';
}

export function brokerOptions(command: Command): Command {
  return command
    .option('--brokers <list>', 'where Kafka is, as host:port, several with commas')
    .option('--config <file>', "librdkafka's properties, as for TLS and SASL: JSON, or lines name=value");
}

export function connectionOptions(command: Command): Command {
  return brokerOptions(command)
    .addOption(
      new Option('--codec <codec>', 'how messages are written').choices(['json', 'msgpack']).default('json'),
    )
    .addOption(
      new Option(
        '--interop <kind>',
        'peers other than callstream: kafka-python pipelines, Spring, NestJS',
      ).choices(['pipeline', 'spring', 'nest']),
    );
}

/** For options that are a number of things or of milliseconds. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= 2_147_483_647) return value;
  throw new InvalidArgumentError('Expected an integer from 1.');
}

/** For partitions and other numbers that count from 0. */
export function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected an integer from 0.');
}

/** Milliseconds until a broker must have answered: with start and end, the command takes less than 10 s. */
const CONNECT_TIMEOUT = 8_000;

/**
 * Opens the connection: to the brokers given, else to those of KAFKA_BROKERS, else to a running
 * `callstream broker`; else `otherwise` says what to do. `report` gets what no caller hears of.
 */
export async function open(
  options: BrokerOptions & Partial<ConnectionOptions>,
  otherwise: 'embed' | 'fail',
  report: (text: string) => void = tell,
): Promise<Connection> {
  const config = options.config === undefined ? undefined : readConfig(options.config);
  const brokers = await brokersFor(options.brokers, config);
  if (brokers === undefined && otherwise === 'fail') {
    throw new KafkaError(
      'unreachable',
      'no broker: none was given and none is running; start one with `callstream broker`, or give --brokers',
    );
  }
  try {
    return await UsageError.from(() =>
      connect({
        brokers,
        codec: options.codec,
        connectTimeout: CONNECT_TIMEOUT,
        librdkafka: config?.properties,
        onIssue: (issue) => report(textOf(issue)),
      }),
    );
  } catch (error) {
    throw located(error, config);
  }
}

async function brokersFor(flag: string | undefined, config: Config | undefined): Promise<string | undefined> {
  if (flag?.trim() === '') throw new UsageError('--brokers: expected host:port, got nothing');
  const given = flag ?? config?.brokers ?? process.env.KAFKA_BROKERS?.trim();
  return given === undefined || given === '' ? (await findBroker())?.brokers : given;
}

/** A refused property, with the place where it stands. */
function located(error: unknown, config: Config | undefined): unknown {
  if (!(error instanceof KafkaError) || config === undefined) return error;
  const property = Object.keys(config.properties).find(
    (name) => error.message.includes(`property ${name} `) || error.message.includes(`property ${name}.`),
  );
  return property === undefined ? error : new UsageError(`${config.where(property)}: ${error.message}`);
}

/** A line, or more, on stderr that isn't the command's own outcome. */
export function tell(text: string): void {
  process.stderr.write(`callstream: ${text}\n`);
}

/** Where a handler threw, with the place in its code. */
function textOf({ message, cause }: ServerIssue): string {
  return [shown(message), ...userFrames(cause)].join('\n');
}
