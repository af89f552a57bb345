/** NATS: request and reply through a nats-server, on the one multiplexed inbox that its client has by default. */
import { connect } from '@nats-io/transport-node';

const SUBJECT = 'bench.echo';

/** @type {import('../contender.js').Contender} */
export const contender = {
  async serve(address) {
    const connection = await connect({ servers: address });
    connection.subscribe(SUBJECT, {
      callback: (error, message) => {
        if (error === null) message.respond(JSON.stringify(message.json()));
      },
    });
    await connection.flush();
  },
  async connect(address) {
    const connection = await connect({ servers: address });
    const options = { timeout: 30_000 };
    return {
      call: async (text) => {
        const reply = await connection.request(SUBJECT, JSON.stringify(text), options);
        return reply.json();
      },
    };
  },
};
