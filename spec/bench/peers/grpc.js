/** grpc-js: a unary echo, and server streaming that heeds HTTP/2's flow control. */
import { fileURLToPath } from 'node:url';
import { credentials, loadPackageDefinition, Server, ServerCredentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const definition = loadSync(fileURLToPath(new URL('./echo.proto', import.meta.url)));
const { Bench } = /** @type {any} */ (loadPackageDefinition(definition)).bench;

/** Writes until the transport is full, goes on when it has room again. */
function items(/** @type {any} */ call) {
  const { items: count, text } = call.request;
  let sent = 0;
  const write = () => {
    while (sent < count) {
      sent += 1;
      if (!call.write({ text })) {
        call.once('drain', write);
        return;
      }
    }
    call.end();
  };
  write();
}

/** @type {import('../contender.js').Contender} */
export const contender = {
  async serve(address) {
    const server = new Server();
    server.addService(Bench.service, {
      Echo: (/** @type {any} */ call, /** @type {any} */ answer) => answer(null, { text: call.request.text }),
      Items: items,
    });
    await new Promise((resolve, reject) => {
      const plain = ServerCredentials.createInsecure();
      server.bindAsync(address, plain, (error, port) => (error ? reject(error) : resolve(port)));
    });
  },
  async connect(address) {
    const client = new Bench(address, credentials.createInsecure());
    return {
      call: (text) =>
        new Promise((resolve, reject) => {
          client.Echo({ text }, (/** @type {any} */ error, /** @type {any} */ reply) =>
            error ? reject(error) : resolve(reply.text),
          );
        }),
      stream: (count, text) =>
        new Promise((resolve, reject) => {
          let received = 0;
          client
            .Items({ items: count, text })
            .on('data', () => {
              received += 1;
            })
            .on('error', reject)
            .on('end', () => resolve(received));
        }),
    };
  },
};
