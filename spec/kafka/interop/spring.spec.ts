/** Spring Kafka, both ways: a ReplyingKafkaTemplate calls callstream, callstream calls a @KafkaListener. */
import { expect } from 'chai';
import { type Connection, connect, RpcError, type UntypedClient } from '../../../src/index.js';
import { openKafka } from '../../../src/kafka/librdkafka.js';
import { brokers, unique } from '../brokers.js';
import { until } from '../port-support.js';
import { Peer } from './peer.js';
import { describeWith, fileOf, prepared, run } from './store.js';

/** The class path of the compiled peer. */
async function spring(): Promise<string> {
  const [pom, source] = [fileOf('spring', 'pom.xml'), fileOf('spring', 'Peer.java')];
  const folder = await prepared('spring', [pom, source], async (made) => {
    const copy = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${made}/libs`];
    await run('mvn', copy);
    await run('javac', ['-cp', `${made}/libs/*`, '-d', `${made}/classes`, source]);
  });
  return `${folder}/classes:${folder}/libs/*`;
}

const PROGRAMS = { java: ['-version'], javac: ['-version'], mvn: ['-version'] };

describeWith(PROGRAMS, 'Spring Kafka', () => {
  const called = unique('called');
  const served = unique('listener');
  const replies = unique('template-replies');
  const noted: string[] = [];
  const issues: string[] = [];
  let connection: Connection;
  let peer: Peer;
  let client: UntypedClient;

  before(async function () {
    this.timeout(400_000);
    connection = await connect({ brokers, onIssue: ({ message }) => issues.push(message) });
    const kafka = await openKafka({ brokers });
    await kafka.createTopic({ topic: replies, partitions: 2 });
    await kafka.createTopic({ topic: served, partitions: 1 });
    await kafka.close();
    const target = {
      add: (a: number, b: number) => a + b,
      greet: ({ name }: { name: string }) => `hello ${name}`,
      echo: (value: unknown) => value,
      note: (text: string) => void noted.push(text),
      fail: () => {
        throw new RpcError(7, 'nö luck');
      },
    };
    const topics = ['add', 'greet', 'echo', 'note', 'fail', 'none'].map((method) => `${called}.${method}`);
    await connection.serve(called, target, { interop: { spring: { topics, replyTopics: [replies] } } });
    const args = ['-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error'];
    peer = await Peer.start('java', [...args, '-cp', await spring(), 'Peer'], {
      CALLED: called,
      SERVED: served,
      REPLIES: replies,
    });
    client = connection.client(served, { interop: 'spring' });
  });

  after(() => Promise.all([peer?.stop(), connection?.close()]));

  describe('as the caller', () => {
    const outcome = (method: string, params: unknown) => peer.outcome({ do: 'call', method, params });

    it('should get results, with params by position and by name', async () => {
      expect(await outcome('add', [1, 2])).to.equal(3);
      expect(await outcome('greet', { name: 'ann' })).to.equal('hello ann');
      expect(await outcome('echo', 'plain wörds')).to.equal('plain wörds');
    });

    it('should get errors by its ReplyErrorChecker: thrown ones, and those for unknown methods', async () => {
      expect(await outcome('fail', [])).to.deep.equal({ error: { code: 7, message: 'nö luck' } });
      expect((await outcome('none', [1])).error).to.include({ code: -32601 });
    });

    it('should have its notifications handled', async () => {
      await peer.ask({ do: 'notify', method: 'note', params: 'seen' });
      await until(() => noted.length > 0, 'the notification');
      expect(noted).to.deep.equal(['seen']);
    });

    it('should get the right answers to a thousand calls at once', async () => {
      expect(await peer.ask({ do: 'many', params: 1_000 })).to.deep.equal([]);
    });

    it('should be told of at the server where its correlation ids are binary', async () => {
      await peer.ask({ do: 'binary', method: 'echo', params: 'x' });
      await until(() => issues.length > 0, 'the issue');
      expect(issues.join()).to.include('setBinaryCorrelation(false)');
    });
  });

  describe('as the server', () => {
    it('should answer calls, with params by position and by name', async () => {
      expect(await client.call('add', [1, 2])).to.equal(3);
      expect(await client.call('greet', { name: 'ann' })).to.equal('hello ann');
      expect(await client.call('echo', ['wörds'])).to.equal('wörds');
    });

    it('should answer with errors where its error handler replies', async () => {
      const errorOf = (method: string) =>
        client.call(method, []).then(String, (error: RpcError) => [error.code, error.message]);
      expect(await errorOf('fail')).to.deep.equal([7, 'no luck']);
      expect(await errorOf('none')).to.deep.equal([-32000, 'no method none']);
    });

    it('should handle notifications', async () => {
      await client.notify('note', ['seen']);
      expect(await client.call('add', [2, 3])).to.equal(5);
      expect(await peer.ask({ do: 'seen' })).to.deep.equal(['seen']);
    });

    it('should answer a thousand calls at once without a mix-up', async () => {
      const values = Array.from({ length: 1_000 }, (_, i) => `value ${i}`);
      const calls = values.map((value) => client.call('echo', [value], { timeout: 50_000 }));
      expect(await Promise.all(calls)).to.deep.equal(values);
    });
  });
});
