/**
 * The producing side of a connection: the observer of each record is told of its delivery report; a bounded queue
 * where librdkafka's own is full. Above it stands librdkafka.ts, below it node-rdkafka's Producer.
 */
import type { Binding, NativeError, NativeProducer } from './librdkafka-binding.js';
import { connect, disconnect } from './librdkafka-client.js';
import { Code, codeOf, toKafkaError } from './librdkafka-error.js';
import { type SendableHeaders, sendable } from './librdkafka-headers.js';
import { InFlight, type Opaque } from './librdkafka-in-flight.js';
import { type Base, maxRecordBytes, producerProperties } from './librdkafka-properties.js';
import {
  type DeliveryObserver,
  type DeliveryReport,
  KafkaError,
  type ProducerRecord,
  sendOne,
} from './port.js';

/** Records that wait in this process while librdkafka's queue (`queue.buffering.max.messages`) is full. */
export const MAX_WAITING_RECORDS = 10_000;

/** Milliseconds between polls: while somebody waits for reports, while nobody does, and while none are due. */
const BUSY_POLL = 1;
const PATIENT_POLL = 5;
const IDLE_POLL = 100;
/** Polls in a row after which the next of these takes the place of the one before. */
const CALM_POLLS = 50;

interface Waiting {
  readonly record: ProducerRecord;
  readonly headers: SendableHeaders['entries'];
  readonly observer: DeliveryObserver;
  readonly token: number;
}

export class LibrdkafkaProducer {
  readonly maxRecordBytes: number;
  readonly #native: NativeProducer;
  readonly #inFlight = new InFlight();
  /** In order of their sends, from #head on; nothing overtakes them. */
  #waiting: Waiting[] = [];
  #head = 0;
  #flushes: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #interval = Number.POSITIVE_INFINITY;
  /** Polls in a row since a record was handed over whose report somebody waits for, and since any was in flight. */
  #patientPolls = 0;
  #idlePolls = 0;
  #closed = false;

  constructor(binding: Binding, base: Base, onError: (error: NativeError) => void) {
    this.maxRecordBytes = maxRecordBytes(base.user);
    const { global, topic } = producerProperties(base);
    const onReport = (error: NativeError | null, report: { opaque: Opaque } & DeliveryReport): void =>
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
    return sendOne(this, record);
  }

  produce(record: ProducerRecord, observer: DeliveryObserver, token: number): KafkaError | undefined {
    if (this.#closed) return refusal('closed', 'The connection is closed');
    let headers: SendableHeaders;
    try {
      headers = sendable(record.headers);
    } catch (error) {
      return refusal('failed', `Sending to ${record.topic}: ${(error as Error).message}`);
    }
    const bytes = (record.value?.length ?? 0) + keyBytes(record.key) + headers.bytes;
    if (bytes > this.maxRecordBytes) {
      const text = `Sending to ${record.topic}: ${bytes} bytes are more than the ${this.maxRecordBytes} that a record may have`;
      return refusal('too large', text);
    }
    if (this.#waiting.length === 0) {
      const error = this.#hand(record, headers.entries, observer, token);
      if (error === undefined) return undefined;
      if (codeOf(error) !== Code.queueFull) return refused(error, record);
    }
    if (this.#waiting.length - this.#head >= MAX_WAITING_RECORDS) {
      const text = `Sending to ${record.topic}: ${MAX_WAITING_RECORDS} records wait already`;
      return refusal('queue full', text);
    }
    this.#waiting.push({ record, headers: headers.entries, observer, token });
    return undefined;
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
    const waiting = this.#waiting.slice(this.#head);
    this.#waiting = [];
    this.#head = 0;
    this.#stop();
    for (const { record, observer, token } of waiting)
      observer.undelivered(
        refusal('closed', `Sending to ${record.topic}: the connection was closed first`),
        token,
      );
    const gone = this.#native.isConnected() ? await disconnect(this.#native) : true;
    for (const opaque of this.#inFlight.list()) {
      const { topic, observer, token } = opaque;
      this.#inFlight.remove(opaque);
      const text = `Sending to ${topic}: closed before the broker's report`;
      observer?.undelivered(new KafkaError('closed', text), token);
    }
    for (const done of this.#flushes) done();
    return gone;
  }

  get #idle(): boolean {
    return this.#inFlight.size === 0 && this.#waiting.length === 0;
  }

  /** Hands a record to librdkafka; returns why it doesn't take it. */
  #hand(
    { topic, partition, value, key, timestamp }: ProducerRecord,
    headers: SendableHeaders['entries'],
    observer: DeliveryObserver,
    token: number,
  ): NativeError | undefined {
    // The binding cuts a string key at its first NUL, a Buffer it takes whole.
    const bytes = typeof key === 'string' ? Buffer.from(key) : key;
    const opaque = this.#inFlight.add(topic, observer, token);
    try {
      this.#native.produce(topic, partition, value, bytes, timestamp, opaque, headers);
    } catch (error) {
      this.#inFlight.remove(opaque);
      return error as NativeError;
    }
    this.#await(observer);
    return undefined;
  }

  #settle(
    error: NativeError | null,
    { opaque, partition, offset }: { opaque: Opaque } & DeliveryReport,
  ): void {
    const { topic, observer, token } = opaque;
    if (observer === undefined) return;
    this.#inFlight.remove(opaque);
    if (this.#waiting.length > 0) this.#sendWaiting();
    if (this.#idle) for (const done of this.#flushes) done();
    if (error) observer.undelivered(toKafkaError(error, `Sending to ${topic}`), token);
    else observer.delivered({ topic, partition, offset }, token);
  }

  #sendWaiting(): void {
    for (let next = this.#waiting[this.#head]; next !== undefined; next = this.#waiting[this.#head]) {
      const { record, headers, observer, token } = next;
      const error = this.#hand(record, headers, observer, token);
      if (error !== undefined && codeOf(error) === Code.queueFull) break;
      this.#head += 1;
      if (error !== undefined) observer.undelivered(refused(error, record), token);
    }
    // Cut rarely: a report often makes room for one record only.
    if (this.#head < this.#waiting.length && this.#head < MAX_WAITING_RECORDS) return;
    this.#waiting = this.#waiting.slice(this.#head);
    this.#head = 0;
  }

  #await({ patient = false }: DeliveryObserver): void {
    const interval = patient ? PATIENT_POLL : BUSY_POLL;
    if (!patient) this.#patientPolls = 0;
    if (interval < this.#interval) this.#poll(interval);
  }

  /** Reports and events come out of polls only. 1,000 polls a second cost some percent of a core, so only while needed. */
  #poll(interval: number): void {
    if (this.#interval === interval || this.#closed) return;
    this.#stop();
    this.#interval = interval;
    this.#idlePolls = 0;
    this.#patientPolls = 0;
    this.#timer = setInterval(() => {
      try {
        this.#native.poll();
      } catch {
        // Not connected yet: the poll after that one will do.
      }
      this.#patientPolls += 1;
      this.#idlePolls = this.#idle ? this.#idlePolls + 1 : 0;
      if (this.#idlePolls === CALM_POLLS) this.#poll(IDLE_POLL);
      else if (this.#interval === BUSY_POLL && this.#patientPolls === CALM_POLLS) this.#poll(PATIENT_POLL);
    }, interval);
    this.#timer.unref();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#interval = Number.POSITIVE_INFINITY;
  }
}

function keyBytes(key: ProducerRecord['key']): number {
  if (key === undefined || key === null) return 0;
  return typeof key === 'string' ? Buffer.byteLength(key) : key.length;
}

function refused(error: NativeError, { topic }: ProducerRecord): KafkaError {
  return toKafkaError(error, `Sending to ${topic}`, { notSent: true });
}

function refusal(reason: 'closed' | 'failed' | 'too large' | 'queue full', message: string): KafkaError {
  return new KafkaError(reason, message, { notSent: true });
}
