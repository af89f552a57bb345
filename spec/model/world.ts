/**
 * Plays a schedule: real connections on a MemoryBroker in virtual time, and a record of every call
 * and every run of a handler for the laws to judge.
 */
import * as t from 'io-ts';
import { Observable, type Subscription } from 'rxjs';
import { type Connection, connect, type Server } from '../../src/connection.js';
import { notification, request, service, stream } from '../../src/contract.js';
import { RpcError } from '../../src/jsonrpc/error.js';
import { type Kafka, KafkaError, type ProducerRecord } from '../../src/kafka/port.js';
import type { Client } from '../../src/rpc/client-api.js';
import type { CallContext } from '../../src/rpc/dispatch.js';
import type { CallError } from '../../src/rpc/error.js';
import type { Gathered } from '../../src/rpc/gather-options.js';
import type { ClientMiddleware } from '../../src/rpc/middleware/client-middleware.js';
import { topicStore } from '../../src/rpc/store/topic-store.js';
import { MemoryBroker, seeded, VirtualClock } from '../../src/testing/index.js';
import { messagesOf, remembered } from './log.js';
import type { CallStep, FateStep, Schedule } from './schedule.js';

export const SESSION = 700;
export const LEASE = 1_000;
export const TOLERANCE = 2_000;
/** Tokens of calls that share a key begin here. */
export const SHARED = 1_000_000;
/** Tokens of questions to all instances begin here. */
export const ASKED = 2_000_000;
const INBOXES = Array.from({ length: 9 }, (_, index) => `inbox.${index}`);

/** What a handler is told: whose run it is, how long it takes. */
const order = t.tuple([t.number, t.number, t.number, t.boolean]);
const answer = t.type({ token: t.number });
export const contract = service('s', {
  echo: request({ params: order, result: answer }),
  slow: request({ params: order, result: answer }),
  fail: request({ params: order, result: answer }),
  busy: request({ params: order, result: answer }),
  relay: request({ params: order, result: answer }),
  feed: stream({ params: order, item: t.tuple([t.number, t.number]) }),
  pull: stream({ params: order, item: t.tuple([t.number, t.number]) }),
  note: notification({ params: order }),
});

/** One handler's run. */
export interface Run {
  readonly token: number;
  readonly on: Process;
  readonly at: number;
  /** By the clock of its server. */
  readonly localAt: number;
  readonly deadline: number;
  endedAt: number | undefined;
}

/** One call as its caller sees it. */
export interface Call {
  readonly step: CallStep;
  readonly by: Process;
  readonly token: number;
  readonly at: number;
  readonly expiresAt: number;
  readonly items: (readonly [number, number])[];
  /** What instances have answered to a question to all. */
  readonly answers: Gathered<{ readonly token: number }>[];
  readonly hedged: boolean;
  readonly ends: (
    | { readonly at: number; readonly result: unknown }
    | { readonly at: number; readonly error: CallError }
  )[];
  /** The caller has unsubscribed: no end is owed. */
  left: boolean;
  leftAt: number;
  abort(): void;
}

export interface Span {
  readonly from: number;
  to: number;
}

export interface Process {
  readonly name: string;
  readonly kafka: Kafka;
  readonly connection: Connection;
  /** Clients by their `absentAfter`. */
  readonly knowing: Map<number, Client<typeof contract.methods>>;
  server: Server | undefined;
  /** From when on it serves, and until it is closed. */
  servedAt: number;
  closedAt: number;
  state: 'up' | 'frozen' | 'cut' | 'closing' | 'killed';
  /** Spans in which it could not do its part; and those of them in which it was cut off. */
  readonly impaired: Span[];
  readonly cut: Span[];
  closing: Promise<unknown> | undefined;
}

export class World {
  readonly clock = new VirtualClock();
  readonly begunAt = this.clock.now();
  readonly broker: MemoryBroker;
  readonly schedule: Schedule;
  readonly clients: Process[] = [];
  readonly servers: Process[] = [];
  readonly calls: Call[] = [];
  readonly runs: Run[] = [];
  readonly issues: string[] = [];
  readonly #below: (n: number) => number;
  #lastToken = 0;
  #made = 0;
  /** Told after each step: laws that hold all the time are judged there. */
  readonly #onStep: (world: World) => void;

  constructor(schedule: Schedule, onStep: (world: World) => void) {
    this.schedule = schedule;
    this.#onStep = onStep;
    const random = seeded(schedule.seed);
    const below = (n: number) => Math.floor(random() * n);
    this.#below = below;
    const latency = schedule.latency === 0 ? 0 : () => below(schedule.latency + 1);
    this.broker = new MemoryBroker({ clock: this.clock, random, latency, deliveryTimeout: 1_500 });
    this.broker.createTopic('s.requests', schedule.partitions);
    const { broker } = this;
    const { delayed, duplicated, unreported, lost, refused } = schedule;
    if (delayed > 0) {
      broker.inject({ chance: delayed, delay: () => below(60), deliveryDelay: () => below(60) });
      broker.inject({ chance: delayed / 2, reportDelay: () => below(300) });
    }
    // One of them at most: what was refused was not written.
    let drawn: { record: ProducerRecord; number: number } | undefined;
    const between = (from: number, chance: number) => (record: ProducerRecord) => {
      if (drawn?.record !== record) drawn = { record, number: random() };
      return drawn.number >= from && drawn.number < from + chance;
    };
    const full = new KafkaError('queue full', 'full', { notSent: true });
    const denied = new KafkaError('denied', 'not allowed', { code: 29 });
    const twice = between(0.7, duplicated);
    broker.inject({
      duplicates: 1,
      duplicateAfter: () => below(200),
      where: (record) => mayComeTwice(record) && twice(record),
    });
    broker.inject({ where: between(0, unreported / 3), report: 'written' });
    broker.inject({ where: between(0.2, lost / 3), report: 'unwritten' });
    broker.inject({ where: between(0.4, refused / 3), report: 'unwritten', error: full });
    broker.inject({ where: between(0.55, refused / 3), report: 'unwritten', error: denied });
  }

  async play(): Promise<void> {
    const { schedule } = this;
    for (let i = 0; i < schedule.servers; i += 1) await this.clock.until(this.#serve());
    for (let i = 0; i < schedule.clients; i += 1)
      this.clients.push(await this.clock.until(this.#process('client')));
    for (const step of schedule.steps) {
      await this.clock.advance(step.wait);
      if (step.does === 'call') this.#call(step);
      else if ('to' in step) this.#befall(step);
      else if (step.does === 'rebalance') this.broker.rebalance('s');
      else if (this.servers.length < 6) void this.#serve();
      await this.clock.settle();
      this.#onStep(this);
    }
  }

  /** Until all calls must have ended, and everything that remembers them has forgotten them. */
  async quieten(): Promise<void> {
    for (let i = 0; i < 20; i += 1) {
      await this.clock.advance(100);
      this.#onStep(this);
    }
    await this.clock.advance(20_000);
    this.#onStep(this);
  }

  async close(): Promise<void> {
    const all = [...this.servers, ...this.clients].filter(({ state }) => state !== 'killed');
    await this.clock.until(Promise.all(all.map((it) => it.closing ?? it.connection.close({ drain: 0 }))));
    await this.clock.advance(2 * SESSION);
  }

  /** Before anything is closed: who still waits, works or remembers. */
  left(): string[] {
    const found: string[] = [];
    for (const { name, server, state } of this.servers) {
      const { running = 0, queued = 0, streams = 0 } = server?.load ?? {};
      if (state === 'killed' || running + queued + streams === 0) continue;
      found.push(`${name} has ${running} running, ${queued} queued, ${streams} streams`);
    }
    if (this.clock.pending > 0) found.push(`${this.clock.pending} timers`);
    if (this.up.length > 0) {
      for (const { partition, offset } of this.broker.records('s.requests')) {
        const committed = this.broker.committed('s', { topic: 's.requests', partition }) ?? 0;
        if (committed <= offset) found.push(`${partition}@${offset} is not committed`);
      }
    }
    return found;
  }

  leftBehind(): string[] {
    const found: string[] = [];
    if (this.clock.pending > 0) found.push(`${this.clock.pending} timers after the end`);
    if (this.broker.pending > 0) found.push(`${this.broker.pending} records without a report`);
    return found;
  }

  get up(): Process[] {
    return this.servers.filter(({ state }) => state === 'up');
  }

  async #process(kind: 'client' | 'server'): Promise<Process> {
    const { schedule } = this;
    const number = this.#made;
    this.#made += 1;
    const kafka = this.broker.connect({ name: `${kind}-${number}`, skew: schedule.skews[number % 8] ?? 0 });
    const topic = schedule.sharedInbox ? 'inbox.0' : `inbox.${number % INBOXES.length}`;
    const connection = await connect({
      kafka,
      codec: schedule.msgpack ? 'msgpack' : 'json',
      inbox: { topic, partitions: 1 },
      lease: LEASE,
      onIssue: ({ kind, message }) => kind !== 'kafka' && this.issues.push(message),
    });
    return {
      name: `${kind}-${number}`,
      kafka,
      connection,
      knowing: new Map(),
      server: undefined,
      servedAt: Number.POSITIVE_INFINITY,
      closedAt: Number.POSITIVE_INFINITY,
      state: 'up',
      impaired: [],
      cut: [],
      closing: undefined,
    };
  }

  async #serve(): Promise<void> {
    const { atMostOnce, concurrency, maxQueued, maxRemembered, ordered, revokeTimeout, slow, store } =
      this.schedule;
    const process = await this.#process('server');
    this.servers.push(process);
    this.#disturbCommits(process.kafka);
    process.server = await process.connection.serve(contract, this.#handlers(process), {
      concurrency,
      maxQueued,
      maxRemembered,
      ...(slow && { methods: { slow } }),
      ...(store && { store: topicStore({ lease: LEASE, partitions: 2 }) }),
      orderBy: ordered ? 'key' : 'none',
      atMostOnce,
      revokeTimeout,
      sessionTimeout: SESSION,
      clockTolerance: TOLERANCE,
      replyTopics: INBOXES,
    });
    process.servedAt = this.clock.now();
  }

  /** Answers to some commits come late; some of these fail, whether the commit was made or not. */
  #disturbCommits(kafka: Kafka): void {
    const { commits } = this.schedule;
    if (commits === 0) return;
    const { clock, subscribe } = kafka;
    const later = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
    kafka.subscribe = async (options, handlers) => {
      const member = await subscribe.call(kafka, options, handlers);
      const { commit } = member;
      member.commit = async (offsets) => {
        if (this.#below(1_000) >= commits * 1_000) return commit.call(member, offsets);
        const fate = this.#below(3);
        if (fate > 0) await commit.call(member, offsets);
        await later(this.#below(1_300));
        if (fate < 2) throw new KafkaError('failed', 'Broker: Not coordinator', { code: 16 });
      };
      return member;
    };
  }

  #handlers(on: Process) {
    const { clock } = on.kafka;
    const begin = (token: number, { deadline }: CallContext): Run => {
      const run = { token, on, at: this.clock.now(), localAt: clock.now(), deadline, endedAt: undefined };
      this.runs.push(run);
      return run;
    };
    const end = (run: Run) => {
      run.endedAt ??= this.clock.now();
    };
    const later = (ms: number, context: CallContext, obeys: boolean) =>
      new Promise<void>((resolve) => {
        const stop = clock.after(ms, resolve);
        if (!obeys) return;
        context.signal.addEventListener('abort', () => {
          stop();
          resolve();
        });
      });
    const refusals = new Map<number, number>();
    type Order = t.TypeOf<typeof order>;
    return {
      echo: ([token]: Order, context: CallContext) => {
        end(begin(token, context));
        return { token };
      },
      slow: async ([token, ms, , obeys]: Order, context: CallContext) => {
        const run = begin(token, context);
        await later(ms, context, obeys);
        end(run);
        return { token };
      },
      fail: async ([token, ms, count, obeys]: Order, context: CallContext): Promise<{ token: number }> => {
        const run = begin(token, context);
        if (count > 6) await later(ms, context, obeys);
        end(run);
        throw new RpcError(7, 'seven', { data: token });
      },
      busy: ([token, , count]: Order, context: CallContext) => {
        const before = refusals.get(token) ?? 0;
        refusals.set(token, before + 1);
        end(begin(token, context));
        if (before < count / 4) throw new RpcError(-32002);
        return { token };
      },
      relay: async ([token, ms, count, obeys]: Order, context: CallContext) => {
        const run = begin(token, context);
        const inner = -token;
        try {
          return await on.connection
            .client(contract, { timeout: 2_500 })
            .call('echo', [inner, ms, count, obeys], { context })
            .then(() => ({ token }));
        } finally {
          end(run);
        }
      },
      feed: ([token, ms, count]: Order, context: CallContext) =>
        new Observable<[number, number]>((to) => {
          const run = begin(token, context);
          let sent = 0;
          let stop = () => {};
          const step = () => {
            if (sent === count) {
              end(run);
              to.complete();
              return;
            }
            to.next([token, sent]);
            sent += 1;
            stop = clock.after(ms / 4, step);
          };
          step();
          return () => {
            stop();
            end(run);
          };
        }),
      pull: async function* ([token, ms, count]: Order, context: CallContext) {
        const run = begin(token, context);
        try {
          for (let sent = 0; sent < count; sent += 1) {
            yield [token, sent] as [number, number];
            if (sent % 3 === 2) await later(ms / 4, context, true);
          }
        } finally {
          end(run);
        }
      },
      note: async ([token, ms, , obeys]: Order, context: CallContext) => {
        const run = begin(token, context);
        await later(ms, context, obeys);
        end(run);
      },
    };
  }

  #call(step: CallStep): void {
    const by = this.clients[step.client % this.clients.length] as Process;
    if (by.state === 'killed' || by.state === 'frozen') return;
    const streams = step.method === 'feed' || step.method === 'pull';
    const asks = step.method === 'ask';
    const keyed = step.shared !== undefined && !streams && !asks && step.method !== 'relay';
    const single = !streams && !asks && !keyed && step.method !== 'note';
    const hedged = single && step.hedge !== undefined && step.retry === undefined && step.key === undefined;
    this.#lastToken += 1;
    // Who shares a key asks for the same.
    const token = keyed
      ? SHARED + 10 * Object.keys(contract.methods).indexOf(step.method) + (step.shared ?? 0)
      : this.#lastToken + (asks ? ASKED : 0);
    const controller = new AbortController();
    let subscription: Subscription | undefined;
    const at = this.clock.now();
    const call: Call = {
      step,
      by,
      token,
      at,
      // A middleware may hold it as long as the call itself may take.
      expiresAt: at + step.timeout + Math.min(step.held ?? 0, step.timeout),
      items: [],
      answers: [],
      hedged,
      ends: [],
      left: false,
      leftAt: Number.POSITIVE_INFINITY,
      abort: () => {
        if (call.ends.length > 0) return;
        if (subscription === undefined) controller.abort();
        else {
          call.left = true;
          call.leftAt = this.clock.now();
          subscription.unsubscribe();
        }
      },
    };
    this.calls.push(call);
    const ended = (end: object) => call.ends.push({ at: this.clock.now(), ...end } as Call['ends'][number]);
    const { held } = step;
    const hold: ClientMiddleware = (passing, next) =>
      new Observable((to) => {
        if (held === 0) return next(passing).subscribe(to);
        return by.kafka.clock.after(held ?? 0, () => to.add(next(passing).subscribe(to)));
      });
    const client = this.#client(by, step.absent, held === undefined ? undefined : hold);
    const params: t.TypeOf<typeof order> = [token, step.ms, step.count, step.obeys];
    const options = {
      timeout: step.timeout,
      window: step.window,
      ...(step.retry && { retry: step.retry }),
      ...(keyed && { idempotencyKey: `${step.method} ${step.shared}` }),
      ...(step.key && { key: step.key }),
      ...(hedged && step.hedge && { hedge: step.hedge }),
    };
    if (streams) {
      subscription = client.call$(step.method as 'feed', params, options).subscribe({
        next: (item) => call.items.push(item),
        error: (error: CallError) => ended({ error }),
        complete: () => ended({ result: undefined }),
      });
    } else if (asks) {
      const { timeout } = step;
      subscription = client
        .gather$('slow', params, { timeout, ...(step.count > 6 && { stall: step.ms + 1 }) })
        .subscribe({
          next: (answer) => call.answers.push(answer),
          error: (error: CallError) => ended({ error }),
          complete: () => ended({ result: undefined }),
        });
    } else {
      const answer: Promise<unknown> =
        step.method === 'note'
          ? client.notify('note', params, { ...options, signal: controller.signal })
          : client.call(step.method as 'echo', params, { ...options, signal: controller.signal });
      answer.then(
        (result) => ended({ result }),
        (error: CallError) => ended({ error }),
      );
    }
    if (step.patience !== undefined) by.kafka.clock.after(step.patience, call.abort);
  }

  /** Calls that ask for the same share what their client knows of the servers; where a middleware holds one it has a client of its own. */
  #client(by: Process, absentAfter: number | undefined, hold: ClientMiddleware | undefined) {
    const made = () =>
      by.connection.client(contract, {
        ...(absentAfter !== undefined && { absentAfter }),
        ...(hold && { middleware: [hold] }),
      });
    if (absentAfter === undefined || hold !== undefined) return made();
    const known = by.knowing.get(absentAfter) ?? made();
    by.knowing.set(absentAfter, known);
    return known;
  }

  #befall({ does, to, which, ms }: FateStep): void {
    const all = to === 'client' ? this.clients : this.servers.filter(({ server }) => server !== undefined);
    const up = all.filter(({ state }) => state === 'up');
    const one = up[which % Math.max(1, up.length)];
    // Somebody must be left, or come back.
    const forGood = does === 'kill' || (does === 'close' && to === 'server');
    if (one === undefined || (up.length === 1 && forGood)) return;
    const now = this.clock.now();
    if (does === 'close') {
      one.closedAt = now;
      one.state = 'closing';
      one.closing = one.connection.close({ drain: this.schedule.drain });
    } else if (does === 'kill') {
      one.state = 'killed';
      one.impaired.push({ from: now, to: Number.POSITIVE_INFINITY });
      this.broker.kill(one.kafka);
    } else {
      one.state = does === 'cut' ? 'cut' : 'frozen';
      const span = { from: now, to: Number.POSITIVE_INFINITY };
      one.impaired.push(span);
      if (does === 'cut') one.cut.push(span);
      if (does === 'cut') this.broker.disconnect(one.kafka);
      else this.broker.freeze(one.kafka);
      this.clock.after(ms, () => {
        span.to = this.clock.now();
        one.state = 'up';
        if (does === 'cut') this.broker.reconnect(one.kafka);
        else this.broker.thaw(one.kafka);
      });
    }
  }
}

/** Kafka's idempotent producer writes a record once: only what is sent again by the caller comes twice. */
function mayComeTwice({ topic, value }: ProducerRecord): boolean {
  if (topic !== 's.requests' || value === null) return true;
  return messagesOf(value).every((message) => message.method?.startsWith('$/') || remembered(message));
}
