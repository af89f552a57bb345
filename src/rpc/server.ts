/**
 * The server of one service: takes records of requests, opens them into calls, gives each its turn
 * within the limits, and commits a record once all it asked for is answered. Its way down is
 * Kafka's consumer group; its way out are the coalescer's lanes to the callers.
 */
import { type Either, isLeft } from 'fp-ts/lib/Either.js';
import { codecFor } from '../jsonrpc/codec.js';
import { errors, RpcError } from '../jsonrpc/error.js';
import { isResponse, type Notification, type Request } from '../jsonrpc/message.js';
import { emptyBatch, validate } from '../jsonrpc/validate.js';
import type { ConsumerRecord, KafkaError } from '../kafka/port.js';
import { textOf } from '../shown.js';
import { type CallHost, newStats, type ServerStats } from './call-host.js';
import { type Caller, Callers } from './caller.js';
import { Commits } from './commits.js';
import { Deadlines } from './deadlines.js';
import { identityOf, Memory } from './dedupe.js';
import { Reserved } from './discovery/reserved.js';
import type { Entry } from './dispatch.js';
import { broadcastEnvelope, type Envelope, type Meta, readEnvelope, readMeta } from './envelope.js';
import { Gates } from './gates.js';
import { Membership } from './membership.js';
import { OpenStreams } from './open-streams.js';
import { Reply } from './reply.js';
import { ServedCall } from './served-call.js';
import type { ServerContext, ServerSettings } from './server-settings.js';
import type { Turns } from './turns.js';
import { Work } from './work.js';

export class ServiceServer {
  readonly service: string;
  readonly stats: ServerStats = newStats();
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #settings: ServerSettings;
  readonly #context: ServerContext;
  readonly #callers: Callers;
  readonly #commits: Commits;
  readonly #membership: Membership;
  readonly #turns: Turns;
  readonly #gates: Gates;
  readonly #memory: Memory;
  readonly #host: CallHost;
  readonly #reserved: Reserved;
  #stopping: Promise<void> | undefined;
  #drained = false;

  /** Joins the group; resolves when it has its partitions. */
  static async open(
    service: string,
    entries: ReadonlyMap<string, Entry>,
    settings: ServerSettings,
    context: ServerContext,
  ): Promise<ServiceServer> {
    const server = new ServiceServer(service, entries, settings, context);
    await server.#join();
    return server;
  }

  private constructor(
    service: string,
    entries: ReadonlyMap<string, Entry>,
    settings: ServerSettings,
    context: ServerContext,
  ) {
    const { kafka, coalescer, inbox, running } = context;
    this.service = service;
    this.#settings = settings;
    this.#context = context;
    this.#callers = new Callers(settings.repliesTopic, settings.replyTopics, inbox.peer);
    this.#commits = new Commits(kafka.clock, settings.maxQueued, settings.atMostOnce, (error) =>
      this.#onKafkaError(error),
    );
    const { requestsTopic, dialects, sessionTimeout, revokeTimeout } = settings;
    const group = {
      group: service,
      topics: [...new Set([requestsTopic, ...dialects.topics])],
      from: 'earliest',
      sessionTimeout,
      revokeTimeout,
    } as const;
    this.#membership = new Membership(kafka, group, this.#commits, {
      onRecord: (record) => this.#onRecord(record),
      onError: (error) => this.#onKafkaError(error),
      // Where the drain is over, it was the time to finish; a rebalance may come in the midst of it.
      waits: () => !this.#drained,
    });
    this.#gates = new Gates(settings.concurrency, settings.maxQueued, (flooded) =>
      this.#commits.pause(flooded),
    );
    this.#turns = this.#gates.service;
    this.#entries = this.#gates.before(entries, settings.methods);
    const deadlines = new Deadlines(kafka.clock);
    this.#memory = new Memory(deadlines, settings.maxRemembered, settings.clockTolerance);
    this.#host = {
      service,
      clock: kafka.clock,
      coalescer,
      deadlines,
      running,
      limits: settings,
      stats: this.stats,
      live: new Set(),
      streams: new OpenStreams(kafka.clock, inbox.peer.instance),
      leave: () => this.#turns.leave(),
      quit: (call) => this.#turns.remove(call),
      onHandlerError: (method, cause) =>
        settings.onIssue({ kind: 'handler', message: `${service}.${method} threw ${textOf(cause)}`, cause }),
    };
    this.#reserved = new Reserved(this, inbox.peer.instance, kafka.clock, settings.document);
  }

  /** Handlers at work, calls that wait for their turn, open streams. */
  get load(): { readonly running: number; readonly queued: number; readonly streams: number } {
    return { running: this.#turns.running, queued: this.#gates.waiting, streams: this.#host.streams.size };
  }

  async #join(): Promise<void> {
    const { inbox } = this.#context;
    await this.#membership.join();
    inbox.broadcasts.set(this.service, this.#onBroadcast);
  }

  /** Where its topic had gone, and was made again. */
  rejoin(): void {
    void this.#membership.rejoin();
  }

  /**
   * Takes no more records, lets what runs finish for at most `drain` ms, commits and leaves the group.
   * What was not finished is handled by another instance. Open streams end by then, too.
   */
  close(drain: number): Promise<void> {
    this.#stopping ??= this.#close(drain);
    return this.#stopping;
  }

  async #close(drain: number): Promise<void> {
    const { coalescer, inbox, kafka } = this.#context;
    // Another server of this service may have taken the place on this connection.
    if (inbox.broadcasts.get(this.service) === this.#onBroadcast) inbox.broadcasts.delete(this.service);
    const over = kafka.clock.now() + drain;
    await this.#commits.idle(drain);
    this.#drained = true;
    this.#gates.stop();
    const stopping = new RpcError(errors.serverError.code, 'Server error: the server stops');
    for (const call of [...this.#host.live]) {
      if (call.streaming) call.stop(stopping);
      else call.abandon();
    }
    coalescer.flush();
    await this.#membership.leave();
    await this.#host.streams.close(over - kafka.clock.now(), stopping);
    this.#host.deadlines.close();
  }

  #onRecord(record: ConsumerRecord): void {
    if (this.#stopping !== undefined || !this.#commits.take(record)) return;
    if (this.#settings.atMostOnce) this.#commitFirst(record);
    else this.#open(record, readEnvelope(record.headers), () => this.#commits.done(record));
  }

  /** What isn't committed, because the partition has moved, is another instance's; what is, nobody runs again. */
  #commitFirst(record: ConsumerRecord): void {
    const done = this.#commits.aside();
    this.#commits.first(record, (committed) => {
      if (committed && !this.#drained) this.#open(record, readEnvelope(record.headers), done);
      else done();
    });
  }

  readonly #onBroadcast = (record: ConsumerRecord, envelope: Envelope): void => {
    const own = broadcastEnvelope(envelope);
    const done = this.#commits.aside();
    if (own === undefined)
      this.#unanswerable(record, "its callstream-inbox isn't topic/partition/instance", done);
    else this.#open(record, own, done);
  };

  /** From a record to its calls; `done` is called when the last of them is answered. */
  #open(record: ConsumerRecord, envelope: Envelope, done: () => void): void {
    const { value } = record;
    const { dialects, replyTopics } = this.#settings;
    const asked = envelope.callstream ? undefined : dialects.read(record, envelope, replyTopics);
    if (typeof asked === 'string') this.#unanswerable(record, asked, done);
    else if (asked !== undefined) this.#take(record, asked.message, asked.caller, done);
    else if (value === null) {
      this.stats.tombstones += 1;
      done();
    } else {
      const codec = codecFor(envelope.contentType, value);
      const caller = this.#callers.of(envelope, codec);
      if (typeof caller === 'string') this.#unanswerable(record, caller, done);
      else this.#take(record, codec.decode(value), caller, done);
    }
  }

  #unanswerable({ topic, partition, offset }: ConsumerRecord, why: string, done: () => void): void {
    this.stats.refused += 1;
    const message = `${topic}/${partition}@${offset} can't be answered: ${why}`;
    this.#settings.onIssue({ kind: 'record', message });
    done();
  }

  #take(record: ConsumerRecord, decoded: Either<RpcError, unknown>, caller: Caller, done: () => void): void {
    const { coalescer } = this.#context;
    if (isLeft(decoded) || (Array.isArray(decoded.right) && decoded.right.length === 0)) {
      this.stats.malformed += 1;
      const work = new Work(caller, coalescer, this.stats, 1, false, done);
      new Reply(work, null).send(isLeft(decoded) ? decoded.left : emptyBatch().error);
      return;
    }
    const payload = decoded.right;
    if (Array.isArray(payload)) {
      const work = new Work(caller, coalescer, this.stats, payload.length, true, done);
      for (const entry of payload) this.#admit(entry, work, record);
    } else this.#admit(payload, new Work(caller, coalescer, this.stats, 1, false, done), record);
  }

  /** Decides on one entry: refused, dropped, or let in line. */
  #admit(entry: unknown, work: Work, { timestamp }: ConsumerRecord): void {
    const validated = validate(entry);
    if (isLeft(validated)) {
      this.stats.malformed += 1;
      new Reply(work, validated.left.id).send(validated.left.error);
      return;
    }
    const message = validated.right;
    if (isResponse(message)) {
      this.stats.malformed += 1;
      work.finish();
      return;
    }
    if (message.method.startsWith('$/')) {
      this.#context.running.onControl(work.caller.id, message);
      if (message.id === undefined) work.finish();
      else new Reply(work, message.id).send(new RpcError(errors.methodNotFound.code));
      return;
    }
    const meta = readMeta(message.meta);
    const now = this.#context.kafka.clock.now();
    if (timestamp > now + this.#settings.clockTolerance) this.stats.fromFuture += 1;
    let deadline = Number.POSITIVE_INFINITY;
    if (meta.timeout !== undefined) {
      if (now > timestamp + meta.timeout + this.#settings.clockTolerance) {
        this.stats.expired += 1;
        new Reply(work, message.id, meta.attempt).send(new RpcError(errors.expired.code));
        return;
      }
      deadline = Math.min(timestamp, now) + meta.timeout;
    }
    const handler = this.#entries.get(message.method);
    if (handler === undefined) {
      this.#reserved.answer(message.method, new Reply(work, message.id, meta.attempt));
      return;
    }
    const identity = work.caller.callstream
      ? identityOf(work.caller.id, message.id, meta, message.method)
      : undefined;
    const known = identity === undefined ? undefined : this.#memory.find(identity, work, message.id);
    if (known !== undefined) {
      this.stats.repeated += 1;
      known.join(work, message.id, meta, deadline);
    } else if (
      (this.#turns.bound.full || handler.gate?.full(meta.key)) &&
      work.caller.callstream &&
      message.id !== undefined
    ) {
      this.#overloaded(message, work, meta, new RpcError(errors.overloaded.code));
    } else {
      const remembered =
        identity === undefined
          ? undefined
          : this.#memory.begin(identity, work, message.id, meta, deadline + Math.max(0, timestamp - now));
      if (remembered instanceof RpcError) {
        this.#overloaded(message, work, meta, remembered);
        return;
      }
      const call = new ServedCall(this.#host, work, handler, message, meta, deadline, remembered);
      if (handler.gate === undefined) this.#turns.enter(call);
      else handler.gate.enter(call, meta.key);
    }
  }

  #overloaded(message: Request | Notification, work: Work, { attempt }: Meta, error: RpcError): void {
    this.stats.overloaded += 1;
    new Reply(work, message.id, attempt).send(error);
  }

  #onKafkaError(cause: KafkaError): void {
    this.#settings.onIssue({ kind: 'kafka', message: cause.message, cause });
  }
}
