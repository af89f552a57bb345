/**
 * One librdkafka handle's life: connect within a time, disconnect under a watchdog. Used for producers and
 * consumers alike; above it stand producer, topics, flow and embedded.
 */
import type { NativeConsumer, NativeError, NativeMetadata, NativeProducer } from './librdkafka-binding.js';

type NativeClient = NativeProducer | NativeConsumer;

/** Milliseconds after which a disconnect that never answers (node-rdkafka #1144) is given up. */
const WATCHDOG = 5_000;

/**
 * Resolves with the cluster's brokers once one answers. A failed handle is disconnected before it rejects.
 * Asks for brokers only: by default the binding asks for all topics of the cluster, within 30 s.
 */
export function connect(client: NativeClient, timeout: number): Promise<NativeMetadata> {
  return new Promise((resolve, reject) => {
    client.connect({ allTopics: false, timeout }, (error: NativeError | null, metadata: NativeMetadata) => {
      if (error) reject(error);
      else resolve(metadata);
    });
  });
}

/**
 * Resolves when the handle is gone, with false where the watchdog had to say so. Idempotence is the caller's.
 * The closure keeps the handle from the garbage collector, which would free it under the native worker (#1057).
 */
export function disconnect(client: NativeClient): Promise<boolean> {
  return new Promise((resolve) => {
    const watchdog = setTimeout(() => resolve(false), WATCHDOG);
    const done = (): void => {
      clearTimeout(watchdog);
      client.removeAllListeners();
      resolve(true);
    };
    // For a producer the binding flushes first, for as long as it is told: what is to be flushed was, before.
    if ('produce' in client) client.disconnect(1, done);
    else client.disconnect(done);
  });
}

/** Metadata of one topic, or of the brokers alone. Holds one of libuv's threads for `timeout` ms at most. */
export function metadata(client: NativeClient, timeout: number, topic?: string): Promise<NativeMetadata> {
  return ask(client, { ...(topic !== undefined && { topic }), allTopics: false, timeout });
}

/** Metadata of all topics. Holds one of libuv's threads likewise. */
export function allMetadata(client: NativeClient, timeout: number): Promise<NativeMetadata> {
  return ask(client, { allTopics: true, timeout });
}

function ask(
  client: NativeClient,
  wanted: Parameters<NativeClient['getMetadata']>[0],
): Promise<NativeMetadata> {
  return new Promise((resolve, reject) => {
    client.getMetadata(wanted, (error: NativeError | null, found) => {
      if (error) reject(error);
      else resolve(found);
    });
  });
}
