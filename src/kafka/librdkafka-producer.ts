/**
 * The producing side of a connection: one promise a record, settled by its delivery report; a bounded queue
 * where librdkafka's own is full. Above it stands librdkafka.ts, below it node-rdkafka's Producer.
 */
import type { Binding, NativeError, NativeProducer } from './librdkafka-binding.js';
import { connect, disconnect } from './librdkafka-client.js';
import { Code, codeOf, toKafkaError } from './librdkafka-error.js';
import { type SendableHeaders, sendable } from './librdkafka-headers.js';
import { type Base, maxRecordBytes, producerProperties } from './librdkafka-properties.js';
import { type DeliveryReport, KafkaError, type ProducerRecord } from './port.js';

/** Records that wait in this process while librdkafka's queue (`queue.buffering.max.messages`) is full. */
export const MAX_WAITING_RECORDS = 10_000;

/** Milliseconds between polls while reports are awaited, and while none are. */
const BUSY_POLL = 1;
const IDLE_POLL = 100;

interface Entry {
  readonly record: ProducerRecord;
  readonly headers: SendableHeaders['entries'];
  readonly resolve: (report: DeliveryReport) => void;
  readonly reject: (error: KafkaError) => void;
}

export class LibrdkafkaProducer {
  readonly maxRecordBytes: number;
  readonly #native: NativeProducer;
  /** Handed to librdkafka, without a report yet. */
  readonly #sent = new Set<Entry>();
  /** In order of their sends, from #head on; nothing overtakes them. */
  #waiting: Entry[] = [];
  #head = 0;
  #flushes: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #interval = 0;
  #closed = false;

  constructor(binding: Binding, base: Base, onError: (error: NativeError) => void) {
    this.maxRecordBytes = maxRecordBytes(base.user);
    const { global, topic } = producerProperties(base);
    const onReport = (error: NativeError | null, report: { opaque: Entry } & DeliveryReport): void =>
      this.#settle(error, report);
    this.#native = new binding.Producer({ ...global, dr_cb: onReport } as never, topic);
    this.#native.on('event.error', onError);
  }

  /** For metadata and watermarks: with `allow.auto.create.topics` false a producer's queries create nothing either. */
  get handle(): NativeProducer {
    return this.#native;
  }

  async connect(timeout: number) {
    this.#poll(IDLE_POLL);
    try {
      return await connect(this.#native, timeout);
    } catch (error) {
      this.#stop();
      throw error;
    }
  }

  send(record: ProducerRecord): Promise<DeliveryReport> {
    if (this.#closed) return Promise.reject(refusal('closed', 'The connection is closed'));
    let headers: SendableHeaders;
    try {
      headers = sendable(record.headers);
    } catch (error) {
      return Promise.reject(refusal('failed', `Sending to ${record.topic}: ${(error as Error).message}`));
    }
    const bytes = (record.value?.length ?? 0) + keyBytes(record.key) + headers.bytes;
    if (bytes > this.maxRecordBytes) {
      const text = `Sending to ${record.topic}: ${bytes} bytes are more than the ${this.maxRecordBytes} that a record may have`;
      return Promise.reject(refusal('too large', text));
    }
    return new Promise((resolve, reject) => {
      const entry: Entry = { record, headers: headers.entries, resolve, reject };
      if (this.#waiting.length === 0 && this.#produce(entry)) return;
      if (this.#waiting.length - this.#head < MAX_WAITING_RECORDS) this.#waiting.push(entry);
      else
        reject(
          refusal('queue full', `Sending to ${record.topic}: ${MAX_WAITING_RECORDS} records wait already`),
        );
    });
  }

  flush(timeout: number): Promise<void> {
    if (this.#idle) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#flushes = this.#flushes.filter((other) => other !== done);
        resolve();
      };
      const timer = setTimeout(done, timeout);
      this.#flushes.push(done);
    });
  }

  /** What has no report by now ends as `closed`; `notSent` says whether it was handed over. */
  async close(): Promise<boolean> {
    this.#closed = true;
    for (const { record, reject } of this.#waiting.slice(this.#head))
      reject(refusal('closed', `Sending to ${record.topic}: the connection was closed first`));
    this.#waiting = [];
    this.#stop();
    const gone = this.#native.isConnected() ? await disconnect(this.#native) : true;
    for (const { record, reject } of this.#sent)
      reject(new KafkaError('closed', `Sending to ${record.topic}: closed before the broker's report`));
    this.#sent.clear();
    for (const done of this.#flushes) done();
    return gone;
  }

  get #idle(): boolean {
    return this.#sent.size === 0 && this.#waiting.length === 0;
  }

  /** False where librdkafka's queue is full; any other refusal settles the entry. */
  #produce(entry: Entry): boolean {
    const { topic, partition, value, key, timestamp } = entry.record;
    // The binding cuts a string key at its first NUL, a Buffer it takes whole.
    const bytes = typeof key === 'string' ? Buffer.from(key) : key;
    try {
      this.#native.produce(topic, partition, value, bytes, timestamp, entry, entry.headers);
    } catch (error) {
      if (codeOf(error as NativeError) === Code.queueFull) {
        this.#poll(BUSY_POLL);
        return false;
      }
      entry.reject(toKafkaError(error as NativeError, `Sending to ${topic}`, { notSent: true }));
      return true;
    }
    this.#sent.add(entry);
    if (this.#interval !== BUSY_POLL) this.#poll(BUSY_POLL);
    return true;
  }

  #settle(error: NativeError | null, report: { opaque: Entry } & DeliveryReport): void {
    const entry = report.opaque;
    if (!this.#sent.delete(entry)) return;
    if (error) entry.reject(toKafkaError(error, `Sending to ${report.topic}`));
    else entry.resolve({ topic: report.topic, partition: report.partition, offset: report.offset });
    if (this.#waiting.length > 0) this.#sendWaiting();
    if (this.#idle) {
      for (const done of this.#flushes) done();
      this.#poll(IDLE_POLL);
    }
  }

  #sendWaiting(): void {
    for (let entry = this.#waiting[this.#head]; entry && this.#produce(entry); ) {
      this.#head += 1;
      entry = this.#waiting[this.#head];
    }
    // Cut rarely: a report often makes room for one record only.
    if (this.#head < this.#waiting.length && this.#head < MAX_WAITING_RECORDS) return;
    this.#waiting = this.#waiting.slice(this.#head);
    this.#head = 0;
  }

  /** Reports and events come out of polls only. 1,000 polls a second cost about 1% of a core, so only while needed. */
  #poll(interval: number): void {
    if (this.#interval === interval || this.#closed) return;
    this.#stop();
    this.#interval = interval;
    this.#timer = setInterval(() => {
      try {
        this.#native.poll();
      } catch {
        // Not connected yet: the poll after that one will do.
      }
    }, interval);
    this.#timer.unref();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#interval = 0;
  }
}

function keyBytes(key: ProducerRecord['key']): number {
  if (key === undefined || key === null) return 0;
  return typeof key === 'string' ? Buffer.byteLength(key) : key.length;
}

function refusal(reason: 'closed' | 'failed' | 'too large' | 'queue full', message: string): KafkaError {
  return new KafkaError(reason, message, { notSent: true });
}
