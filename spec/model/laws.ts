/** What holds for every schedule, whatever goes wrong in it (design: what is promised). */
import { header } from '../../src/kafka/port.js';
import type { CallError } from '../../src/rpc/error.js';
import { messagesOf, remembered } from './log.js';
import type { Schedule } from './schedule.js';
import { ASKED, type Call, type Run, SHARED, type Span, TOLERANCE, type World } from './world.js';

const TOPIC = 's.requests';

/** Watches the commits: what is committed has been answered, and no group goes back. */
export class Ledger {
  readonly failures: string[] = [];
  readonly #committed = new Map<number, number>();

  check(world: World): void {
    const { broker, schedule, servers } = world;
    const moved: { partition: number; from: number; to: number }[] = [];
    for (let partition = 0; partition < schedule.partitions; partition += 1) {
      const from = this.#committed.get(partition) ?? 0;
      const to = broker.committed('s', { topic: TOPIC, partition }) ?? 0;
      if (to < from) this.failures.push(`${partition} went back from ${from} to ${to}`);
      if (to > from) moved.push({ partition, from, to });
      this.#committed.set(partition, Math.max(from, to));
    }
    // An answer that Kafka has refused for good is an end as well.
    const mayBeLost =
      schedule.lost > 0 || schedule.refused > 0 || servers.some((it) => it.impaired.length > 0);
    if (moved.length === 0 || mayBeLost || schedule.atMostOnce) return;
    const answered = answers(world);
    for (const record of broker.records(TOPIC)) {
      const { partition, offset, value } = record;
      if (!moved.some((it) => it.partition === partition && offset >= it.from && offset < it.to)) continue;
      for (const { id, method } of messagesOf(value as Buffer)) {
        if (id === undefined || method?.startsWith('$/')) continue;
        const who = String(header(record.headers, 'kafka_correlationId'));
        if (!answered.has(`${who} ${id}`)) {
          this.failures.push(
            `${partition}@${offset} is committed, its call ${id} (${method}) is not answered`,
          );
        }
      }
    }
  }
}

/** Caller and id of every call that was answered, or whose stream was opened. */
function answers({ broker }: World): Set<string> {
  const found = new Set<string>();
  for (let inbox = 0; inbox < 9; inbox += 1) {
    for (const record of broker.records(`inbox.${inbox}`)) {
      for (const { id, method, params } of messagesOf(record.value as Buffer)) {
        const answered = method === undefined ? id : method === '$/open' ? params.id : undefined;
        if (answered === undefined) continue;
        found.add(`${String(header(record.headers, 'kafka_correlationId'))} ${answered}`);
      }
    }
  }
  return found;
}

/** What is wrong once everything is over. */
export function violations(world: World, patient: boolean): string[] {
  const found: string[] = [];
  for (const call of world.calls) found.push(...ofCall(call, world, patient));
  found.push(...ofRepeats(world));
  found.push(...ofLimits(world, patient));
  const copies = copiesOf(world);
  const byToken = new Map<number, Run[]>();
  for (const run of world.runs) byToken.set(run.token, [...(byToken.get(run.token) ?? []), run]);
  for (const [token, runs] of byToken) {
    const refuses = world.calls.some((it) => it.token === token && it.step.method === 'busy');
    if (world.schedule.store && token >= SHARED && token < ASKED && !refuses && runs.length > 1)
      found.push(`${token} ran on ${runs.map(({ on }) => on.name)}, of one key in the store`);
    if (token < ASKED)
      found.push(...ofRuns(token, runs, copies.get(token) ?? { records: 0, remembered: false }, world));
  }
  for (const issue of world.issues) if (!/threw|Unknown|NotSent|Failed/.test(issue)) found.push(issue);
  return found;
}

/**
 * The attempts of a call go to one partition: nobody else would know them for what they are. Those of a
 * hedged one go each to another.
 */
function ofRepeats({ broker, calls }: World): string[] {
  const found: string[] = [];
  const first = new Map<string, number>();
  const copies = new Map<string, number | undefined>();
  const hedged = new Set(calls.filter((call) => call.hedged).map(({ token }) => token));
  for (const { headers, partition, value } of broker.records(TOPIC)) {
    const who = String(header(headers, 'kafka_correlationId'));
    for (const { id, method, meta, params } of messagesOf(value as Buffer)) {
      if (id === undefined || method?.startsWith('$/')) continue;
      if (hedged.has(params[0])) {
        const place = `${who} ${id} ${partition}`;
        const before = copies.get(place) ?? meta?.attempt;
        copies.set(place, before);
        if (before !== meta?.attempt) found.push(`${method} ${id} was sent to ${partition} twice`);
        continue;
      }
      const before = first.get(`${who} ${id}`) ?? partition;
      first.set(`${who} ${id}`, before);
      if (before !== partition) found.push(`${method} ${id} was sent to ${before} and to ${partition}`);
    }
  }
  return found;
}

/** A method's own limit is kept, and of the calls with one key one runs at a time, in the order in which they came. */
function ofLimits({ broker, calls, runs, schedule, servers }: World, patient: boolean): string[] {
  const found: string[] = [];
  const { maxQueued, maxRemembered, ordered, slow } = schedule;
  const steps = new Map(calls.map(({ step, token }) => [token, step]));
  const atOnce = (own: readonly Run[], limit: number, what: string) => {
    for (const { at } of own) {
      const others = own.filter((it) => it.at <= at && (it.endedAt ?? Number.POSITIVE_INFINITY) > at);
      if (others.length > limit) found.push(`${others.length} ${what} ran at once`);
    }
  };
  const places = new Map<number, number | undefined>();
  for (const { offset, value } of broker.records(TOPIC)) {
    for (const { method, params } of messagesOf(value as Buffer)) {
      if (!method?.startsWith('$/')) places.set(params[0], places.has(params[0]) ? undefined : offset);
    }
  }
  for (const on of servers) {
    const own = runs.filter((run) => run.on === on);
    const slows = own.filter(({ token }) => ['slow', 'ask'].includes(steps.get(token)?.method ?? ''));
    if (slow !== undefined) atOnce(slows, slow.concurrency, `slow on ${on.name}`);
    if (!ordered) continue;
    for (const key of ['a', 'b', 'c']) {
      const keyed = own.filter(({ token }) => {
        const step = steps.get(token);
        return step?.key === key && step.method !== 'ask' && token < SHARED;
      });
      atOnce(keyed, 1, `of key ${key} on ${on.name}`);
      // What was refused, and comes again, comes later; so does another copy of it, on another instance.
      if (!patient || maxQueued < 100 || maxRemembered < 100 || slow?.maxQueued === 1) continue;
      const single = keyed.filter(({ token }) => places.get(token) !== undefined);
      single.slice(1).forEach((run, index) => {
        const before = single[index] as Run;
        if ((places.get(before.token) ?? 0) > (places.get(run.token) ?? 0))
          found.push(`${run.token} ran behind ${before.token} on ${on.name}, of key ${key}`);
      });
    }
  }
  return found;
}

/** By the token of a call: its requests in the log, and whether a server may remember them all. */
function copiesOf({ broker }: World): Map<number, { records: number; remembered: boolean }> {
  const copies = new Map<number, { records: number; remembered: boolean }>();
  for (const { value } of broker.records(TOPIC)) {
    for (const message of messagesOf(value as Buffer)) {
      const { method, params } = message;
      if (method?.startsWith('$/')) continue;
      const known = copies.get(params[0]) ?? { records: 0, remembered: true };
      known.records += 1;
      known.remembered &&= remembered(message);
      copies.set(params[0], known);
    }
  }
  return copies;
}

function ofCall(call: Call, world: World, patient: boolean): string[] {
  const found: string[] = [];
  const { by, ends, expiresAt, items, left, step, token } = call;
  const name = `${step.method} ${token} at ${call.at - world.begunAt}`;
  const fail = (what: string) => found.push(`${name}: ${what}`);
  const streams = step.method === 'feed' || step.method === 'pull';
  items.forEach((item, index) => {
    if (item[0] !== token || item[1] !== index) fail(`item ${index} is ${item}`);
  });
  if (ends.length > 1) fail(`ended ${ends.length} times`);
  const [end] = ends;
  const { absent = Number.POSITIVE_INFINITY } = step;
  const patience = call.at + Math.min(step.held ?? 0, step.timeout) + 2 * absent;
  if (alone(call, patience, world) && (end?.at ?? call.leftAt) > patience)
    fail(`did not end by ${patience - call.at} ms, and nobody was there`);
  if (end === undefined) {
    if (!left && by.state !== 'killed') fail('never ended');
    return found;
  }
  if (left && end.at > call.leftAt) fail('ended after it was left');
  const frozen = by.impaired.find(({ from, to }) => from <= expiresAt && to >= expiresAt);
  // What holds it is frozen too, and the call begins after that.
  const late =
    (step.held ?? 0) > 0 ? by.impaired.filter(({ from, to }) => from <= expiresAt && to >= call.at) : [];
  const latest = Math.max(expiresAt, frozen?.to ?? 0, ...late.map(({ to }) => to + 2 * step.timeout));
  if (!streams && end.at > latest) fail(`ended ${end.at - latest} ms late`);
  if (step.method === 'ask') found.push(...ofAsked(call, name));
  if (step.method === 'ask' && 'result' in end) return found;
  if ('result' in end) {
    if (streams && items.length !== step.count) fail(`completed with ${items.length} of ${step.count} items`);
    const got = (end.result as { token?: number } | undefined)?.token;
    if (!streams && step.method !== 'note' && got !== token) fail(`got the result of ${got}`);
    if (step.method === 'fail') fail('got a result of a handler that throws');
    return found;
  }
  const { error } = end;
  if (error._tag === undefined) fail(`ended with ${String(error)}`);
  const runs = world.runs.filter((run) => run.token === token);
  if ((error._tag === 'NotSent' || error._tag === 'Failed') && token < SHARED && runs.length > 0) {
    fail(`is ${error._tag} (${error.reason}), and it ran`);
  }
  if (error._tag === 'RpcError') {
    const codes = [-32000, -32001, -32002, -32003, -32603, ...(step.method === 'fail' ? [7] : [])];
    if (!codes.includes(error.code)) fail(`ended with ${error.code}`);
    if (error.code === 7 && error.data !== token) fail(`got the error of ${error.data}`);
  }
  if (error._tag !== 'RpcError' && error.reason === 'no server') found.push(...ofAbsence(call, name, world));
  if (patient) found.push(...ofPatient(call, name, world));
  return found;
}

/** Nothing is lost on the way, on no record. */
const sure = ({ lost, refused, unreported }: Schedule) => lost + refused + unreported === 0;

/** Whether no server can have answered a broadcast until then, and Kafka took it without a delay. */
function alone({ by, at, step }: Call, until: number, { schedule, servers }: World): boolean {
  const absent = step.absent !== undefined && step.method !== 'ask';
  const heard = schedule.sharedInbox && servers.some(({ servedAt }) => servedAt <= until);
  const impaired = by.impaired.some(({ from, to }) => from <= until && to >= at);
  return absent && !heard && !impaired && schedule.delayed === 0 && sure(schedule);
}

/** It has had its time; it was never written where it is not sent; and nobody was there all the while. */
function ofAbsence({ at, by, ends, step, token }: Call, name: string, world: World): string[] {
  const found: string[] = [];
  const [end] = ends as [{ readonly at: number; readonly error: CallError }];
  const { absent = Number.POSITIVE_INFINITY } = step;
  if (end.at - at < absent) found.push(`${name}: absence was told after ${end.at - at} ms`);
  const written = copiesOf(world).get(token)?.records ?? 0;
  if (end.error._tag === 'NotSent' && token < SHARED && written > 0)
    found.push(`${name}: was not sent to nobody, and written ${written} times`);
  // A broadcast, heard to its end though the client was frozen; and time for an answer, however late it is.
  const from = end.at - 1.25 * absent - 1;
  const during = (spans: readonly Span[]) => spans.some((it) => it.from <= end.at && it.to >= from);
  const { delayed, sharedInbox } = world.schedule;
  const heard = sharedInbox && sure(world.schedule) && absent >= (delayed > 0 ? 700 : 60);
  if (!heard || during(by.cut)) return found;
  for (const { closedAt, impaired, name: server, servedAt } of world.servers)
    if (servedAt <= from && closedAt > end.at && !during(impaired))
      found.push(`${name}: absence was told, and ${server} was there`);
  return found;
}

/** Each instance answers once, and what it was asked. */
function ofAsked({ answers, token }: Call, name: string): string[] {
  const found: string[] = [];
  const who = answers.map(({ instance }) => instance);
  if (new Set(who).size < who.length) found.push(`${name}: an instance of ${who} answered twice`);
  for (const { result } of answers) {
    const wrong =
      result._tag === 'Right'
        ? result.right.token !== token
        : result.left._tag !== 'RpcError' || ![-32001, -32002, -32003, -32603].includes(result.left.code);
    if (wrong) found.push(`${name}: was answered ${JSON.stringify(result)}`);
  }
  return found;
}

/** Where servers come and go in good order, a call that has time and is not cancelled gets its answer. */
function ofPatient(call: Call, name: string, world: World): string[] {
  const { by, ends, step } = call;
  const { concurrency, maxQueued, maxRemembered, ordered, slow } = world.schedule;
  const waits = (ordered && step.key !== undefined) || (slow !== undefined && step.method === 'slow');
  const bounded = waits || concurrency < 64 || maxQueued < 100 || maxRemembered < 100;
  const plain = ['echo', 'slow', 'fail', 'note'].includes(step.method) && step.shared === undefined;
  if (bounded || !plain || step.timeout < 2_500 || step.patience !== undefined || by.state !== 'up')
    return [];
  // A handler that calls its own service holds up the rebalance that its inner call waits for.
  if (world.calls.some((it) => it.step.method === 'relay')) return [];
  const [end] = ends;
  if (end === undefined || 'result' in end || (end.error._tag === 'RpcError' && end.error.code === 7))
    return [];
  // A server whose clock is ahead of the caller's stops its handler that much earlier.
  if (end.error._tag !== 'RpcError' && end.error.reason === 'no server') return [];
  const early = end.error._tag === 'RpcError' && end.error.code === -32001;
  if (early && world.schedule.skews.some((skew) => skew !== 0)) return [];
  return [`${name}: ended with ${end.error._tag} ${end.error.message}`];
}

function ofRuns(
  token: number,
  runs: readonly Run[],
  copies: { readonly records: number; readonly remembered: boolean },
  world: World,
): string[] {
  const found: string[] = [];
  const { atMostOnce, commits, drain, revokeTimeout } = world.schedule;
  if (runs.length > 0 && copies.records === 0) found.push(`${token} ran, and was never sent`);
  if (atMostOnce && runs.length > copies.records)
    found.push(
      `${token} ran on ${runs.map(({ on }) => on.name)}, of ${copies.records} records, at most once`,
    );
  const repeats =
    world.calls.some(({ step, token: it }) => it === token && step.method === 'busy') || token < 0;
  const relays = world.calls.some(({ step, token: it }) => it === token && step.method === 'relay');
  for (const on of new Set(runs.map((run) => run.on))) {
    const own = runs.filter((run) => run.on === on);
    if (!copies.remembered || repeats || relays) {
      if (own.length > copies.records) found.push(`${token} ran ${own.length} times on ${on.name}`);
      continue;
    }
    own.slice(1).forEach((run, index) => {
      const before = own[index] as Run;
      if (run.localAt <= before.deadline + TOLERANCE) {
        found.push(`${token} ran again on ${on.name}, ${run.localAt - before.localAt} ms later`);
      }
    });
  }
  const on = [...new Set(runs.map((run) => run.on))];
  const last = runs.at(-1) as Run;
  const unfinished = revokeTimeout < 1_000 || drain < 1_000 || commits > 0;
  const unclean = runs.some((run) => run.on.impaired.some(({ from }) => from <= last.at));
  if (on.length > copies.records && !unfinished && !unclean) {
    found.push(`${token} ran on ${on.map(({ name }) => name)}, of ${copies.records} records`);
  }
  return found;
}
