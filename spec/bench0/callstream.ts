/** callstream, by name alone and with a contract that is checked on both sides. */
import * as t from 'io-ts';
import { connect, request, service } from '../../src/index.js';
import type { Contender } from './contender.js';

const contract = service('bench-contract', {
  echo: request({ params: t.tuple([t.string]), result: t.string }),
});

export const untyped: Contender = {
  async serve(brokers) {
    const connection = await connect({ brokers });
    await connection.serve('bench-untyped', { echo: (text: string) => text });
  },
  async connect(brokers) {
    const client = (await connect({ brokers })).client('bench-untyped');
    return (text) => client.call('echo', [text]);
  },
};

export const contracted: Contender = {
  async serve(brokers) {
    const connection = await connect({ brokers });
    await connection.serve(contract, { echo: ([text]) => text });
  },
  async connect(brokers) {
    const client = (await connect({ brokers })).client(contract);
    return (text) => client.call('echo', [text]);
  },
};
