/** Calls to a service that nobody serves: when they end before their time, and what is said of them. */
import { expect } from 'chai';
import * as t from 'io-ts';
import { NEVER } from 'rxjs';
import type { Connection, Server } from '../../src/connection.js';
import { request, service, stream } from '../../src/contract.js';
import type { ConnectOptions } from '../../src/options.js';
import type { ClientOptions } from '../../src/rpc/client-api.js';
import { Bench, Gate, INBOX, seen, watch } from './harness.js';
import { nothingBehindTheEnd } from './timeline.js';

describe('absentAfter', () => {
  nothingBehindTheEnd();

  const NOT_SENT =
    'NotSent no server: s.name: not sent: no server of s has answered a broadcast within 100 ms: is it running?';
  const UNKNOWN =
    'Unknown no server: s.wait: no answer, and no server of s has answered a broadcast within 100 ms: it has gone, or is busy';

  const contract = service('s', {
    name: request({ result: t.string }),
    wait: request({ result: t.string }),
    fail: request({ result: t.string }),
    never: stream({ item: t.string }),
  });

  let bench: Bench;
  let connection: Connection;
  let server: Connection;
  let gate: Gate<string>;
  let ran: string[];

  beforeEach(() => {
    bench = new Bench();
    gate = new Gate();
    ran = [];
  });
  afterEach(async () => {
    gate.open('');
    // The broker waits for a killed server's session.
    await bench.advance(7_000);
    await bench.close();
  });

  const start = async (options: ConnectOptions = {}) => {
    connection = await bench.connect(options);
    server = await bench.connect(options);
  };
  const serve = (at = server): Promise<Server> =>
    bench.until(
      at.serve(contract, {
        name: () => {
          ran.push('name');
          return 'a';
        },
        wait: (_, { signal }) => {
          ran.push('wait');
          signal.addEventListener('abort', () => ran.push('aborted'));
          return gate.promise;
        },
        never: () => NEVER,
        fail: () => {
          throw new Error('no');
        },
      }),
    );
  const client = (options: ClientOptions = {}) => connection.client('s', { absentAfter: 100, ...options });
  /** How a call ends, and how many milliseconds from now. */
  const end = (promise: Promise<unknown>) => {
    const begin = bench.clock.now();
    const ended: { text: string | undefined; after: number | undefined } = {
      text: undefined,
      after: undefined,
    };
    const tell = (text: string) => Object.assign(ended, { text, after: bench.clock.now() - begin });
    promise.then(
      (result) => tell(String(result)),
      (error) =>
        tell(error.reason === undefined ? String(error) : `${error._tag} ${error.reason}: ${error.message}`),
    );
    return ended;
  };
  const pings = () =>
    bench.broker
      .records(INBOX)
      .map(seen)
      .filter(({ value }) => value.method === '$/ping');
  const cancels = () =>
    [...bench.broker.records('s.requests'), ...bench.broker.records(INBOX)]
      .map(seen)
      .filter(({ value }) => value.method === '$/cancel').length;

  it('should end calls as not sent where nobody answers, all on one broadcast', async () => {
    await start({ inbox: { partitions: 3 } });
    const to = client();
    const ends = Array.from({ length: 50 }, () => end(to.call('name')));
    await bench.advance(99);
    expect(ends.map(({ text }) => text)).to.deep.equal(ends.map(() => undefined));
    await bench.advance(1);
    expect(ends).to.deep.equal(ends.map(() => ({ text: NOT_SENT, after: 100 })));
    expect(pings().map(({ partition }) => partition)).to.deep.equal([0, 0, 1, 1, 2, 2]);
    expect(cancels()).to.equal(0);
  });

  it('should give each call all of its time: one made during a broadcast waits for the next', async () => {
    await start({ inbox: { partitions: 1 } });
    const to = client();
    const first = end(to.call('name'));
    await bench.advance(60);
    const second = end(to.call('name'));
    await bench.advance(1_000);
    expect([first.after, second.after]).to.deep.equal([100, 140]);
    expect(pings()).to.have.length(4);
    const third = end(to.call('name'));
    await bench.advance(1_000);
    expect(third).to.deep.equal({ text: NOT_SENT, after: 100 });
  });

  it('should ask once where a server is there, and never again while answers come', async () => {
    await start({ inbox: { partitions: 1 } });
    await serve();
    const to = client();
    for (let made = 0; made < 50; made += 1) {
      expect(await bench.until(to.call('name'))).to.equal('a');
      await bench.advance(20);
    }
    expect(pings()).to.have.length(1);
    expect(ran).to.have.length(50);
  });

  it('should ask nobody, and leave no timer, while no call waits', async () => {
    await start({ inbox: { partitions: 1 } });
    await serve();
    const { clock } = bench;
    await bench.advance(10_000);
    const idle = clock.pending;
    expect(await bench.until(client().call('name'))).to.equal('a');
    await bench.advance(60_000);
    expect([pings().length, clock.pending]).to.deep.equal([1, idle]);
  });

  it('should take errors for answers', async () => {
    await start({ inbox: { partitions: 1 } });
    await serve();
    const to = client();
    for (let made = 0; made < 50; made += 1) {
      expect((await bench.until(watchError(to.call('fail'))))._tag).to.equal('RpcError');
      await bench.advance(20);
    }
    expect(pings()).to.have.length(1);
  });

  it('should find a server that came between two broadcasts', async () => {
    await start();
    const to = client({ timeout: 5_000 });
    const first = end(to.call('name'));
    await bench.advance(60);
    await serve();
    const second = end(to.call('name'));
    await bench.advance(5_000);
    expect(first.text).to.equal(NOT_SENT);
    expect(second.text).to.equal('a');
    expect(ran).to.deep.equal(['name']);
  });

  it('should find a server that comes within half of the time: it asks again', async () => {
    await start({ inbox: { partitions: 2 } });
    const waits = end(client({ timeout: 5_000 }).call('name'));
    await bench.advance(30);
    await serve();
    await bench.advance(40);
    expect(waits.text).to.equal('a');
    expect(pings().map(({ partition }) => partition)).to.deep.equal([0, 0, 1, 1]);
    expect(ran).to.deep.equal(['name']);
  });

  it('should wait for a handler that takes its time, with a broadcast now and then', async () => {
    await start({ inbox: { partitions: 1 } });
    await serve();
    const slow = end(client().call('wait'));
    await bench.advance(2_000);
    expect(slow.text).to.equal(undefined);
    expect(pings().length).to.be.within(9, 20);
    gate.open('through');
    await bench.advance(10);
    expect(slow.text).to.equal('through');
  });

  it('should end as unknown, and cancel, what a server has taken that is gone', async () => {
    await start();
    await serve();
    const to = client();
    await bench.until(to.call('name'));
    const taken = end(to.call('wait'));
    await bench.advance(10);
    expect(ran).to.deep.equal(['name', 'wait']);
    bench.kill(server);
    await bench.advance(290);
    expect(taken.text).to.equal(UNKNOWN);
    expect(cancels()).to.equal(1);
    // From here on nobody is known to be there.
    const later = end(to.call('name'));
    await bench.advance(100);
    expect(later).to.deep.equal({ text: NOT_SENT, after: 100 });
  });

  it('should go on where another instance answers', async () => {
    await start();
    await serve();
    const other = await bench.connect();
    await serve(other);
    const to = client({ timeout: 30_000 });
    await bench.until(to.call('name'));
    bench.kill(server);
    const calls = Array.from({ length: 8 }, (_, key) => end(to.call('name', [], { key: String(key) })));
    await bench.advance(20_000);
    expect(calls.map(({ text }) => text)).to.deep.equal(calls.map(() => 'a'));
  });

  it('should say unknown of what a busy server may have, and trust it again once it answers', async () => {
    await start();
    await serve();
    const to = client({ timeout: 5_000 });
    await bench.until(to.call('name'));
    const kafka = bench.kafkaOf(server);
    bench.broker.freeze(kafka);
    const sent = end(to.call('wait'));
    await bench.advance(300);
    expect(sent.text).to.equal(UNKNOWN);
    const held = end(to.call('name'));
    await bench.advance(50);
    bench.broker.thaw(kafka);
    await bench.advance(200);
    expect(held.text).to.equal('a');
  });

  it('should watch over a stream until it opens', async () => {
    await start();
    const to = connection.client(contract, { absentAfter: 100 });
    const absent = watch(to.call$('never'));
    await bench.advance(100);
    expect(absent.events).to.deep.equal(['NotSent no server']);
    await serve();
    const open = watch(to.call$('never'));
    await bench.advance(50);
    bench.kill(server);
    await bench.advance(1_000);
    expect(open.events).to.deep.equal([]);
    open.subscription.unsubscribe();
  });

  it('should send no notification to nobody', async () => {
    await start();
    const alone = end(client().notify('name'));
    await bench.advance(100);
    expect(alone).to.deep.equal({ text: NOT_SENT, after: 100 });
    await serve();
    await bench.until(client().notify('name'));
    await bench.advance(10);
    expect(ran).to.deep.equal(['name']);
  });

  it('should be tried again where retryOn says so, and not otherwise', async () => {
    await start({ inbox: { partitions: 1 } });
    const once = end(client({ retry: { attempts: 5 } }).call('name'));
    await bench.advance(100);
    expect(once).to.deep.equal({ text: NOT_SENT, after: 100 });
    const seenErrors: string[] = [];
    const retryOn = (error: { readonly message: string }) => {
      seenErrors.push(error.message);
      return true;
    };
    const again = end(client({ retry: { attempts: 5, backoff: 1, retryOn } }).call('name'));
    await bench.advance(250);
    expect(again.text).to.equal(undefined);
    expect(seenErrors.length).to.be.within(1, 2);
    await serve();
    await bench.advance(1_000);
    expect(again.text).to.equal('a');
    expect(ran).to.deep.equal(['name']);
  });

  it('should end a hedged call, its copies and all', async () => {
    await start();
    await serve();
    const to = client({ hedge: { delay: 20 } });
    await bench.until(to.call('name'));
    const hedged = end(to.call('wait'));
    await bench.advance(10);
    bench.kill(server);
    await bench.advance(300);
    expect(hedged.text).to.equal(UNKNOWN);
    expect(cancels()).to.be.at.least(1);
  });

  it('should leave calls that end before to their own ends', async () => {
    await start();
    const to = client();
    const stopped = new AbortController();
    const short = end(to.call('name', [], { timeout: 30 }));
    const aborted = end(to.call('name', [], { signal: stopped.signal }));
    stopped.abort();
    const closed = end(to.call('name'));
    await bench.advance(50);
    expect(short.text).to.equal(
      'NotSent timeout: s.name: not sent within 30 ms: no server of s has answered: is it running?',
    );
    expect(aborted.text).to.include('NotSent aborted');
    await bench.until(connection.close());
    expect(closed.text).to.include('NotSent closed');
  });

  it('should do nothing unless it is asked for', async () => {
    await start();
    const waits = end(client({ absentAfter: undefined, timeout: 1_000 }).call('name'));
    await bench.advance(1_000);
    expect(waits.text).to.include('NotSent timeout: s.name: not sent within 1000 ms: no topic s.requests');
    expect(pings()).to.deep.equal([]);
  });

  it('should say unknown of what an earlier attempt may have run', async () => {
    await start();
    await serve();
    const to = client({ retry: { attempts: 3, perTry: 80 } });
    await bench.until(to.call('name'));
    const tried = end(to.call('wait'));
    await bench.advance(10);
    bench.kill(server);
    await bench.advance(300);
    expect(tried.text).to.equal(UNKNOWN);
  });

  it('should conclude nothing from a time in which its own process stood still', async () => {
    await start();
    await serve();
    const waits = end(client().call('name'));
    const both = [bench.kafkaOf(connection), bench.kafkaOf(server)];
    await bench.advance(1);
    for (const kafka of both) bench.broker.freeze(kafka);
    await bench.advance(500);
    for (const kafka of both) bench.broker.thaw(kafka);
    await bench.advance(200);
    expect(waits.text).to.equal('a');
  });

  it('should conclude nothing where its process stood still until the end was near', async () => {
    await start();
    await serve();
    const waits = end(client().call('name'));
    bench.broker.freeze(bench.kafkaOf(connection));
    await bench.advance(97);
    bench.broker.thaw(bench.kafkaOf(connection));
    await bench.advance(300);
    expect(waits.text).to.equal('a');
  });

  it('should read what has come while its process stood still before it concludes', async () => {
    await start();
    await serve();
    const slow = ({ value }: { value: Buffer | null }) => String(value).includes('-32601');
    bench.broker.inject({ topic: INBOX, where: slow, deliveryDelay: 100 });
    const waits = end(client().call('name'));
    await bench.advance(95);
    bench.broker.freeze(bench.kafkaOf(connection));
    await bench.advance(20);
    bench.broker.thaw(bench.kafkaOf(connection));
    await bench.advance(100);
    expect(waits.text).to.equal('a');
  });

  it('should conclude nothing from a broadcast that Kafka did not take', async () => {
    await start({ inbox: { partitions: 1 } });
    bench.kafkaOf(connection).partitions = async () => {
      throw new Error('down');
    };
    const waits = end(client({ timeout: 1_000 }).call('name'));
    await bench.advance(999);
    expect(waits.text).to.equal(undefined);
    await bench.advance(1);
    expect(waits.text).to.include('NotSent timeout');
    expect(pings()).to.deep.equal([]);
  });

  it('should ask again where no call more could be pending', async () => {
    await start({ maxPending: 1 });
    await serve();
    const waits = end(client({ timeout: 1_000 }).call('name'));
    await bench.advance(1_000);
    expect(waits.text).to.include('NotSent timeout');
  });

  it('should refuse what can have no broadcast, and what is no time', async () => {
    await start();
    expect(() => client({ interop: 'nest' })).to.throw(
      TypeError,
      'absentAfter: expected no interop beside it',
    );
    expect(() => client({ absentAfter: 0 })).to.throw(
      TypeError,
      'absentAfter: expected a number of milliseconds',
    );
  });
});

const watchError = (promise: Promise<unknown>): Promise<{ readonly _tag: string }> =>
  promise.then(
    () => {
      throw new Error('expected an error');
    },
    (error) => error,
  );
