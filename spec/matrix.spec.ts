/**
 * Which spec, on virtual time, shows what each operator and policy makes of each event. A cell is the full title of that
 * spec, and fails here once there is none of that title; or it says why there can be none.
 */
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const EVENTS = [
  'next',
  'complete',
  'error',
  'an early unsubscribe',
  'resubscribe',
  'the timeout, at its edge',
  'a retry, then success',
  'a late first reply',
  'credit, doubled and reordered',
  'a gap',
  'a lost cancel',
] as const;

/** By event; what begins with a dash says why the event can't be. */
type Row = Readonly<Record<(typeof EVENTS)[number], string>>;

const ONE = '– there is one answer';
const PROMISE = '– it is a Promise';
const STREAM = '– it is for streams';
const LOSSES = 'what is lost, doubled, late or out of order';
const LIVE = `${LOSSES} between a client and its server should`;
const TRIED = `${LOSSES} between attempts should`;
const EDGES = 'operators at the edges';

/** A policy that a call passes: marbles.spec.ts shows all events of each. */
const marbles = (policy: string): Row => {
  const spec = `marbles of ${policy} should`;
  const served = `marbles of ${policy} with a server should`;
  return {
    next: `${spec} emit what comes, and complete with it`,
    complete: `${spec} emit what comes, and complete with it`,
    error: `${spec} emit what came, and then the error`,
    'an early unsubscribe': `${spec} cancel once, and emit nothing more, when it is unsubscribed from`,
    resubscribe: `${spec} make a call of its own for each subscription`,
    'the timeout, at its edge': `${spec} end at its timeout exactly, and take what comes a millisecond before`,
    'a retry, then success': `${spec} succeed with an attempt behind one that was refused, and end once`,
    'a late first reply': `${spec} take a late answer to the first attempt for that of the call, and no other`,
    'credit, doubled and reordered': `${served} be sent each item once, and no more than was asked for, where credit comes twice and out of order`,
    'a gap': `${spec} end as unknown at a gap, cancel, and hear nothing more`,
    'a lost cancel': `${served} leave the handler to its lease, or to its deadline, where the cancel is lost`,
  };
};

const matrix: Readonly<Record<string, Row>> = {
  call: {
    next: 'client call should resolve with the result',
    complete: PROMISE,
    error: "client call should reject with the server's error",
    'an early unsubscribe':
      'client the end of a call should be unknown at an abort after it was sent, and cancel the handler',
    resubscribe: PROMISE,
    'the timeout, at its edge': 'edges of time of an answer should be that of call, by the client',
    'a retry, then success': `${TRIED} succeed with an attempt behind one that failed, and end once: call`,
    'a late first reply': `${TRIED} take a late answer to the first attempt for that of the call: call`,
    'credit, doubled and reordered': STREAM,
    'a gap': STREAM,
    'a lost cancel': `${LIVE} stop the handler of call at its deadline where the cancel is lost`,
  },
  callTaskEither: {
    next: 'client callTaskEither should be lazy, run each time, and have its errors as values',
    complete: PROMISE,
    error: 'client callTaskEither should be lazy, run each time, and have its errors as values',
    'an early unsubscribe': '– as call: it is made of it',
    resubscribe: 'client callTaskEither should be lazy, run each time, and have its errors as values',
    'the timeout, at its edge': 'edges of time of an answer should be that of callTaskEither, by the client',
    'a retry, then success': '– as call',
    'a late first reply': '– as call',
    'credit, doubled and reordered': STREAM,
    'a gap': STREAM,
    'a lost cancel': '– as call',
  },
  batch: {
    next: 'client batch should send one JSON-RPC batch in one record, and give an Either per entry in order',
    complete: PROMISE,
    error: 'client batch should end each entry by itself',
    'an early unsubscribe': 'client batch should abort all its entries',
    resubscribe: PROMISE,
    'the timeout, at its edge':
      'edges of time of an answer should be that of an entry of a batch, by the client',
    'a retry, then success': `${TRIED} succeed with an attempt behind one that failed, and end once: batch`,
    'a late first reply': `${TRIED} take a late answer to the first attempt for that of the call: batch`,
    'credit, doubled and reordered': STREAM,
    'a gap': STREAM,
    'a lost cancel': '– as call: each entry is one',
  },
  call$: marbles('no policy'),
  'acked items': {
    ...marbles('acked items'),
    'credit, doubled and reordered': `${LIVE} never make more than was asked for where credit comes twice and out of order`,
  },
  notify: {
    next: "client notify should resolve with Kafka's delivery report, before the handler has run",
    complete: PROMISE,
    error: 'client the end of a call should be failed, unknown or not sent as the delivery says',
    'an early unsubscribe':
      'client notify should be unknown at an abort while its report is out, with nothing to cancel; the handler runs',
    resubscribe: PROMISE,
    'the timeout, at its edge': "edges of time should be that of a notification's delivery report",
    'a retry, then success': 'retry on the wire should name none of a notification, which is sent once',
    'a late first reply': '– there is no reply',
    'credit, doubled and reordered': STREAM,
    'a gap': STREAM,
    'a lost cancel':
      'client notify should be unknown at an abort while its report is out, with nothing to cancel; the handler runs',
  },
  gather$: {
    next: 'gather$ should get one answer of each instance, with its name, whatever partitions it has',
    complete:
      'gather$ when it is enough should complete at the count, without those that are slower, and cancel them',
    error: 'gather$ what comes twice, or never should say so where a partition could not be asked',
    'an early unsubscribe': 'gather$ its subscription should cancel the handlers when it ends',
    resubscribe: 'gather$ its subscription should be cold, and ask anew for each',
    'the timeout, at its edge':
      'edges of time of an answer should be that of an instance asked by gather$, which then has all it gets',
    'a retry, then success': 'gather$ its subscription should not be retried: each instance answers once',
    'a late first reply':
      'gather$ when it is enough should complete after a silence that begins with an answer: one of its last ms is in time',
    'credit, doubled and reordered': STREAM,
    'a gap': 'gather$ what comes twice, or never should go without an instance whose answer is lost',
    'a lost cancel': `${LIVE} stop the handler of gather$ at its deadline where the cancel is lost`,
  },
  callEach: {
    next: 'callEach should emit each input beside its result, as they come, each time it is subscribed to',
    complete:
      'callEach should emit each input beside its result, as they come, each time it is subscribed to',
    error: 'callEach should go on behind a call that fails, and behind params that cannot be made',
    'an early unsubscribe': 'callEach should cancel what is in flight at an unsubscribe',
    resubscribe: `${EDGES} that call should begin anew with each subscription, and end each for itself: callEach`,
    'the timeout, at its edge': `${EDGES} that call should end a call of callEach at its timeout, and keep the stream`,
    'a retry, then success': `${TRIED} succeed with an attempt behind one that failed, and end once: callEach`,
    'a late first reply': `${EDGES} that call should take a late answer to a first attempt, of callEach, and the next to a second`,
    'credit, doubled and reordered': STREAM,
    'a gap': STREAM,
    'a lost cancel': `${LIVE} stop the handler of callEach at its deadline where the cancel is lost`,
  },
  callBatch: {
    next: 'callBatch should send a batch as soon as it is full, and the rest when the source completes',
    complete: 'callBatch should send a batch as soon as it is full, and the rest when the source completes',
    error: 'callBatch should end neither batch nor stream with an entry that fails, and try it again alone',
    'an early unsubscribe': 'callBatch should let the next batch fill up while its places are taken',
    resubscribe: `${EDGES} that call should begin anew with each subscription, and end each for itself: callBatch`,
    'the timeout, at its edge': `${EDGES} that call should begin the time of a call of callBatch when its batch is sent`,
    'a retry, then success': `${TRIED} succeed with an attempt behind one that failed, and end once: callBatch`,
    'a late first reply': `${EDGES} that call should take a late answer to a first attempt, of callBatch`,
    'credit, doubled and reordered': STREAM,
    'a gap': STREAM,
    'a lost cancel': `${LIVE} stop the handler of callBatch at its deadline where the cancel is lost`,
  },
  notifyEach: {
    next: 'notifyEach should emit each input when Kafka has it, each time it is subscribed to',
    complete: 'notifyEach should emit each input when Kafka has it, each time it is subscribed to',
    error: 'notifyEach should go on behind one that fails, in order where it is asked to',
    'an early unsubscribe': 'notifyEach should send no more after an unsubscribe',
    resubscribe: `${EDGES} that call should begin anew with each subscription, and end each for itself: notifyEach`,
    'the timeout, at its edge': `${EDGES} that call should end a notification of notifyEach at its timeout, and go on`,
    'a retry, then success': '– a notification is sent once',
    'a late first reply': '– there is no reply',
    'credit, doubled and reordered': STREAM,
    'a gap': STREAM,
    'a lost cancel': '– nothing is cancelled',
  },
  processEach: {
    next: 'processEach should ack what is done, emit its results and complete behind the last',
    complete: 'processEach should ack what is done, emit its results and complete behind the last',
    error: 'processEach should stop at the first failure by default, and leave it and what runs undone',
    'an early unsubscribe':
      'processEach should let go of its work at an unsubscribe, and leave the group at once',
    resubscribe:
      'processEach should take Observables, Promises and plain results, each time it is subscribed to',
    'the timeout, at its edge': '– it has none',
    'a retry, then success': 'processEach should try again with growing delays',
    'a late first reply': '– there is no reply',
    'credit, doubled and reordered': `${LIVE} never work on more than it may, nor make more, behind processEach`,
    'a gap': `${EDGES} processEach should end with the error of its source at once, unsubscribe from the work, and give back`,
    'a lost cancel': '– as its stream’s',
  },
  withTimeout: marbles('withTimeout'),
  withRetry: marbles('withRetry'),
  withHedging: marbles('withHedging'),
  'only, its method': marbles('only'),
  'only, another method': marbles('only, for others'),
  logging: marbles('logging'),
  metrics: marbles('metrics'),
  absentAfter: marbles('absentAfter'),
  'absentAfter, nobody there': {
    next: 'absentAfter should find a server that came between two broadcasts',
    complete: '– as absentAfter',
    error: 'absentAfter should end calls as not sent where nobody answers, all on one broadcast',
    'an early unsubscribe': 'absentAfter should leave calls that end before to their own ends',
    resubscribe: '– as absentAfter',
    'the timeout, at its edge':
      'absentAfter should give each call all of its time: one made during a broadcast waits for the next',
    'a retry, then success': 'absentAfter should be tried again where retryOn says so, and not otherwise',
    'a late first reply': 'absentAfter should say unknown of what an earlier attempt may have run',
    'credit, doubled and reordered': '– no stream opens',
    'a gap': '– no stream opens',
    'a lost cancel': '– nobody is there to miss it',
  },
  'retry and its budget': {
    next: 'retry call$ should try again, once for each subscription, with an id of its own',
    complete: 'retry call$ should try again, once for each subscription, with an id of its own',
    error: 'retry attempts should be three where nothing else is said, and end with the last error',
    'an early unsubscribe': `${TRIED} make no further attempt once it is unsubscribed from between two`,
    resubscribe: `${TRIED} begin anew with each subscription: id, attempts, credit`,
    'the timeout, at its edge': 'retry perTry should leave the call to its deadline, exactly',
    'a retry, then success':
      'retry budget should be shared by the calls of a client, so that retries do not multiply an overload',
    'a late first reply':
      'retry perTry should let the first answer win, also a late one to an earlier attempt',
    'credit, doubled and reordered': `${TRIED} hold to the stream that attempt 1 opened, and cancel that of attempt 2`,
    'a gap': `${LOSSES} between attempts behind the end should hear nothing more: a gap`,
    'a lost cancel': '– as withRetry',
  },
  hedging: {
    next: 'hedge should take the answer to a copy where it comes first, and cancel the others, never the winner',
    complete: PROMISE,
    error: 'hedge should end with an error that is final, whosever it is',
    'an early unsubscribe':
      'hedge should cancel all at an unsubscribe, an abort and the end of the connection',
    resubscribe: '– as withHedging',
    'the timeout, at its edge':
      'hedge should end at its timeout exactly, send no copy in that instant, and cancel all',
    'a retry, then success':
      'hedge should go on while one is out, whatever the others have come to, and count a repeat once',
    'a late first reply':
      'hedge should take the answer to the first where it comes first, and cancel the copies',
    'credit, doubled and reordered': ONE,
    'a gap': ONE,
    'a lost cancel': '– as withHedging',
  },
  dedupe: {
    next: 'dedupe a repeat should join the call that runs, and get its answer',
    complete: 'dedupe streams should open once; the records of repeats are done with the first',
    error: 'dedupe a repeat should get the answer that was given, result or error',
    'an early unsubscribe': 'dedupe an idempotency key should let one caller cancel for itself only',
    resubscribe: 'dedupe a repeat should be one of the same caller and id only',
    'the timeout, at its edge':
      'dedupe the memory of a call should last until nothing of it can be taken any more: its deadline and the tolerance',
    'a retry, then success': 'dedupe refusals should not be remembered: a full line',
    'a late first reply': 'dedupe a repeat should get the answer that could not be delivered',
    'credit, doubled and reordered': '– a repeat of a stream is none',
    'a gap': '– a repeat of a stream is none',
    'a lost cancel':
      'dedupe a repeat should get what became of a call that was cancelled or came to its deadline',
  },
  deadlines: {
    next: '– they emit nothing',
    complete: '– they emit nothing',
    error: 'Deadlines should expire each item once, at its time',
    'an early unsubscribe': 'Deadlines should never expire what was removed, however often',
    resubscribe: 'Deadlines should take what is added while items expire',
    'the timeout, at its edge':
      'server deadlines should drop a request only more than two seconds after its time',
    'a retry, then success':
      'retry on the wire should keep the id, the partition and the headers, and say which attempt it is and what time is left',
    'a late first reply':
      'client the end of a call should count answers that come too late and leave later calls alone',
    'credit, doubled and reordered': 'emission should not end at the timeout of the call',
    'a gap': '– an open stream has none',
    'a lost cancel': `${LIVE} stop the handler of call at its deadline where the cancel is lost`,
  },
  records$: {
    next: 'records$ without a group should emit what is there from the earliest, then what comes',
    complete:
      'records$ without a group should complete at the high watermarks of the start, and again for another subscriber',
    error: 'records$ without a group should error where the topic is missing or may not be read',
    'an early unsubscribe':
      'records$ without a group should do nothing after an unsubscribe, even one while it opens',
    resubscribe:
      'records$ without a group should complete at the high watermarks of the start, and again for another subscriber',
    'the timeout, at its edge': `${EDGES} records$ should take acks for 80% of revokeTimeout after an unsubscribe`,
    'a retry, then success': `${EDGES} records$ should emit a nacked record again after nackDelay, to the millisecond`,
    'a late first reply': 'records$ with a group should ignore acks of partitions that were lost',
    'credit, doubled and reordered':
      'records$ without a group should stop at maxUnacked until a record is acked',
    'a gap': '– offsets may have some',
    'a lost cancel': '– there is nobody to tell',
  },
  sink: {
    next: 'sink should emit reports in order and complete behind the last',
    complete: 'sink should emit reports in order and complete behind the last',
    error: 'sink should error behind the reports of what was before the record that failed',
    'an early unsubscribe': 'sink should send what it took after an unsubscribe, and tell what fails then',
    resubscribe: `${EDGES} publishAll and sink should write anew for each subscription`,
    'the timeout, at its edge': '– it has none',
    'a retry, then success': 'a sink with acks should go on by itself behind retry',
    'a late first reply':
      'a sink with acks should ack each input once it is delivered, whatever is in front of it',
    'credit, doubled and reordered':
      'sink should have no more in flight than its bound, and error beyond what it may hold',
    'a gap': '– reports have none',
    'a lost cancel': '– there is nobody to tell',
  },
  transact: {
    next: 'transact should commit outputs and offsets together, many records in one transaction, and emit it',
    complete:
      'transact should commit outputs and offsets together, many records in one transaction, and emit it',
    error: 'transact should end with the error of a record whose tries are used up, and leave it to the next',
    'an early unsubscribe':
      'transact should let go of its work at an unsubscribe, abort, leave the group at once, and begin again',
    resubscribe:
      'transact should let go of its work at an unsubscribe, abort, leave the group at once, and begin again',
    'the timeout, at its edge': `${EDGES} transact should abort where work takes 799 ms, and two more its record, of 800 for both`,
    'a retry, then success':
      'transact should abort where the work fails, and work on all of the transaction again',
    'a late first reply':
      'transact should commit nothing as a zombie whose partitions were given away while it stood still',
    'credit, doubled and reordered': "transact should take no heed of its records' acks and nacks",
    'a gap': '– offsets may have some',
    'a lost cancel':
      'transact should leave a transaction of a killed process to the next of its id, or to its timeout',
  },
};

/** The full titles of all specs of these folders, the pending ones left out, as mocha finds them without running any. */
async function titlesOf(...folders: readonly string[]): Promise<ReadonlySet<string>> {
  const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
  const files = folders.map((folder) => `spec/${folder}/**/*.spec.ts`);
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [mocha, '--dry-run', '--reporter', 'json', ...files],
    { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 },
  );
  const { passes } = JSON.parse(stdout) as { passes: readonly { readonly fullTitle: string }[] };
  return new Set(passes.map(({ fullTitle }) => fullTitle));
}

describe('operators and policies, by event', () => {
  let titles: ReadonlySet<string>;
  before(async () => {
    titles = await titlesOf('rpc', 'operators', 'topic');
  });

  for (const [what, row] of Object.entries(matrix)) {
    const none = EVENTS.filter((event) => row[event].startsWith('– '));
    const but = none.map((event) => `${event} ${row[event]}`).join(', ');
    it(`should each be shown of ${what}${but && ` (but ${but})`}`, () => {
      const missing = EVENTS.filter((event) => !row[event].startsWith('– ') && !titles.has(row[event]));
      if (missing.length > 0)
        throw new Error(
          `no spec has the title\n${missing.map((event) => `${event}: ${row[event]}`).join('\n')}`,
        );
    });
  }
});
