/**
 * Loads node-rdkafka, the CommonJS wrapper of librdkafka, when it is first needed: the package can then be
 * imported, and can say what is missing, where the native part isn't built. The only importer of node-rdkafka;
 * the other librdkafka-*.ts files stand on it.
 */
import { createRequire } from 'node:module';
import type * as NodeRdkafka from 'node-rdkafka';
import { KafkaError } from './port.js';

export type Binding = typeof NodeRdkafka;
export type NativeProducer = NodeRdkafka.Producer;
export type NativeConsumer = NodeRdkafka.KafkaConsumer;
export type NativeAdmin = NodeRdkafka.IAdminClient;
export type NativeMessage = NodeRdkafka.Message;
export type NativeMetadata = NodeRdkafka.Metadata;
/** What the binding reports: a number is often lost on the way (-1) and only the text remains. */
export type NativeError = NodeRdkafka.LibrdKafkaError;

/** librdkafka properties of one handle, by the two tables in which librdkafka keeps them. */
export interface Properties {
  readonly global: Record<string, unknown>;
  readonly topic: Record<string, unknown>;
}

const require = createRequire(import.meta.url);

/** Throws one sentence that says what to do where the native binding isn't built. */
export function loadBinding(load: () => unknown = () => require('node-rdkafka')): Binding {
  try {
    return load() as Binding;
  } catch (error) {
    throw new KafkaError('failed', missing(error));
  }
}

/** librdkafka's text for one of its codes, as `Broker: Message size too large`. */
export function errorText(code: number): string {
  return (require('node-rdkafka/librdkafka.js') as { err2str(code: number): string }).err2str(code);
}

function missing(error: unknown): string {
  const reason = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error);
  return `node-rdkafka's native binding isn't built or fails to load (${reason.slice(0, 200)}): compiling it needs a C++ compiler, make and Python 3; then run \`npm rebuild node-rdkafka\`.`;
}
