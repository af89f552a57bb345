/** A kafka-python pipeline, both ways: it calls callstream, and callstream calls it. */
import { expect } from 'chai';
import { type Connection, connect, RpcError, type UntypedClient } from '../../../src/index.js';
import { openKafka } from '../../../src/kafka/librdkafka.js';
import { brokers, unique } from '../brokers.js';
import { until } from '../port-support.js';
import { Peer } from './peer.js';
import { describeWith, fileOf, prepared, run } from './store.js';

async function python(): Promise<string> {
  const requirements = fileOf('python', 'requirements.txt');
  const folder = await prepared('python', [requirements], async (made) => {
    await run('python3', ['-m', 'venv', made]);
    await run(`${made}/bin/python`, ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]);
  });
  return `${folder}/bin/python`;
}

describeWith({ python3: ['-c', 'import venv, ensurepip'] }, 'a kafka-python pipeline', () => {
  const served = unique('served');
  const pipeline = unique('pipeline');
  const noted: string[] = [];
  let connection: Connection;
  let caller: Peer;
  let server: Peer;
  let client: UntypedClient;

  before(async function () {
    this.timeout(400_000);
    connection = await connect({ brokers });
    const target = {
      add: (a: number, b: number) => a + b,
      greet: ({ name }: { name: string }) => `hello ${name}`,
      echo: (value: unknown) => value,
      note: (text: string) => void noted.push(text),
      fail: () => {
        throw new RpcError(7, 'no luck');
      },
    };
    await connection.serve(served, target, { interop: 'pipeline' });
    const kafka = await openKafka({ brokers });
    await kafka.createTopic({ topic: `${pipeline}_method_requests`, partitions: 1 });
    await kafka.close();
    const program = await python();
    const start = (mode: string, name: string) =>
      Peer.start(program, [fileOf('python', 'peer.py'), mode, name]);
    [caller, server] = await Promise.all([start('call', served), start('serve', pipeline)]);
    client = connection.client(pipeline, { interop: 'pipeline' });
  });

  after(() => Promise.all([caller?.stop(), server?.stop(), connection?.close()]));

  describe('as the caller', () => {
    it('should get results, with params by position and by name', async () => {
      expect(await caller.ask({ do: 'call', method: 'add', params: [1, 2] })).to.equal(3);
      expect(await caller.ask({ do: 'call', method: 'greet', params: { name: 'ann' } })).to.equal(
        'hello ann',
      );
      expect(await caller.ask({ do: 'call', method: 'echo', params: [{ a: [1, null, 'ä'] }] })).to.deep.equal(
        {
          a: [1, null, 'ä'],
        },
      );
    });

    it('should get errors: thrown ones, and those for unknown methods', async () => {
      expect(await caller.outcome({ do: 'call', method: 'fail' })).to.deep.equal({
        error: { code: 7, message: 'no luck' },
      });
      const { error } = await caller.outcome({ do: 'call', method: 'none', params: [1] });
      expect(error).to.include({ code: -32601, message: 'Method not found' });
    });

    it('should have its notifications handled', async () => {
      await caller.ask({ do: 'notify', method: 'note', params: ['seen'] });
      await until(() => noted.length > 0, 'the notification');
      expect(noted).to.deep.equal(['seen']);
    });

    it('should get the right answers to a thousand calls of ten threads', async () => {
      expect(await caller.ask({ do: 'many', params: [10, 100] })).to.deep.equal([]);
    });
  });

  describe('as the server', () => {
    it('should answer calls, with params by position and by name', async () => {
      expect(await client.call('add', [1, 2])).to.equal(3);
      expect(await client.call('greet', { name: 'ann', greeting: 'hi' })).to.equal('hi ann');
      expect(await client.call('echo', [{ a: [1, null, 'ä'] }])).to.deep.equal({ a: [1, null, 'ä'] });
    });

    it('should answer with errors', async () => {
      const errorOf = (method: string, params: unknown[]) =>
        client.call(method, params).then(String, (error: RpcError) => [error.code, error.message]);
      expect(await errorOf('fail', [])).to.deep.equal([-32603, 'Internal error']);
      expect(await errorOf('add', [1])).to.deep.equal([-32602, 'Invalid params']);
      // With one param its answer has a result as well; with two it takes the params for the fault.
      expect(await errorOf('none', [1])).to.deep.equal([-32601, 'Method not found']);
      expect(await errorOf('none', [1, 2])).to.deep.equal([-32602, 'Invalid params']);
    });

    it('should handle notifications, and live on', async () => {
      await client.notify('note', ['seen']);
      expect(await client.call('add', [2, 3])).to.equal(5);
      expect(await server.ask({ do: 'seen' })).to.deep.equal(['seen']);
    });

    it('should answer a thousand calls at once without a mix-up', async () => {
      const values = Array.from({ length: 1_000 }, (_, i) => `value ${i}`);
      expect(
        await Promise.all(values.map((value) => client.call('echo', [value], { timeout: 50_000 }))),
      ).to.deep.equal(values);
    });
  });
});
