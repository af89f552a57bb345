/** Every example of the JSON-RPC 2.0 specification, section 7, through the JSON codec and `validate`. */
import { expect } from 'chai';
import { isLeft } from 'fp-ts/lib/Either.js';
import { codecs } from '../../src/jsonrpc/codec.js';
import { errors, RpcError } from '../../src/jsonrpc/error.js';
import {
  type Failure,
  failure,
  isNotification,
  isRequest,
  type Response,
  success,
} from '../../src/jsonrpc/message.js';
import { emptyBatch, validate } from '../../src/jsonrpc/validate.js';

const subtract = (params: unknown): number =>
  Array.isArray(params)
    ? params[0] - params[1]
    : (params as { minuend: number }).minuend - (params as { subtrahend: number }).subtrahend;

const methods = new Map<string, (params: unknown) => unknown>([
  ['subtract', subtract],
  ['sum', (params) => (params as number[]).reduce((sum, value) => sum + value, 0)],
  ['get_data', () => ['hello', 5]],
  ['update', () => undefined],
  ['notify_hello', () => undefined],
]);

const answer = (entry: unknown): Response | undefined => {
  const message = validate(entry);
  if (isLeft(message)) return message.left;
  if (isNotification(message.right) || !isRequest(message.right)) return undefined;
  const { id, method, params } = message.right;
  const handler = methods.get(method);
  return handler ? success(id, handler(params)) : failure(id, errors.methodNotFound);
};

/** The specification's examples carry no `data`, which it leaves to the server: it must say something, once. */
const withoutData = <A extends Response | undefined>(response: A): A | Failure => {
  if (response === undefined || !('error' in response) || response.error.data === undefined) return response;
  expect(response.error.data).to.be.a('string').and.not.to.equal('');
  return failure(response.id, { code: response.error.code, message: response.error.message });
};

const respond = (value: unknown): unknown => {
  if (!Array.isArray(value)) return withoutData(answer(value));
  if (value.length === 0) return withoutData(emptyBatch());
  const replies = value.map(answer).map(withoutData);
  const sent = replies.filter((reply) => reply !== undefined);
  return sent.length > 0 ? sent : undefined;
};

const receive = (text: string): string | undefined => {
  const decoded = codecs.json.decode(Buffer.from(text));
  const reply = isLeft(decoded) ? withoutData(failure(null, decoded.left)) : respond(decoded.right);
  if (reply === undefined) return undefined;
  const encoded = codecs.json.encode(reply);
  return isLeft(encoded) ? undefined : encoded.right.toString();
};

const invalid = '{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null}';
const unparsable = '{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}';

const examples: ReadonlyArray<readonly [title: string, sent: string, reply: string | undefined]> = [
  [
    'positional parameters',
    '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
    '{"jsonrpc":"2.0","result":19,"id":1}',
  ],
  [
    'positional parameters the other way round',
    '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
    '{"jsonrpc":"2.0","result":-19,"id":2}',
  ],
  [
    'named parameters',
    '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
    '{"jsonrpc":"2.0","result":19,"id":3}',
  ],
  [
    'named parameters in another order',
    '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
    '{"jsonrpc":"2.0","result":19,"id":4}',
  ],
  ['a notification', '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', undefined],
  ['a notification of an unknown method', '{"jsonrpc": "2.0", "method": "foobar"}', undefined],
  [
    'a call of a non-existent method',
    '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
    '{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":"1"}',
  ],
  ['invalid JSON', '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', unparsable],
  ['an invalid request object', '{"jsonrpc": "2.0", "method": 1, "params": "bar"}', invalid],
  [
    'a batch of invalid JSON',
    '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},{"jsonrpc": "2.0", "method"]',
    unparsable,
  ],
  ['an empty array', '[]', invalid],
  ['an invalid batch, but not empty', '[1]', `[${invalid}]`],
  ['an invalid batch', '[1,2,3]', `[${invalid},${invalid},${invalid}]`],
  [
    'a batch',
    `[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
      {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
      {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
      {"foo": "boo"},
      {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
      {"jsonrpc": "2.0", "method": "get_data", "id": "9"}]`,
    `[${[
      '{"jsonrpc":"2.0","result":7,"id":"1"}',
      '{"jsonrpc":"2.0","result":19,"id":"2"}',
      invalid,
      '{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":"5"}',
      '{"jsonrpc":"2.0","result":["hello",5],"id":"9"}',
    ]}]`,
  ],
  [
    'a batch of notifications',
    `[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
      {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]`,
    undefined,
  ],
];

describe('the examples of the JSON-RPC 2.0 specification', () => {
  for (const [title, sent, reply] of examples) {
    it(`should ${reply === undefined ? 'not answer' : 'answer'} ${title}`, () => {
      expect(receive(sent)).to.equal(reply);
    });
  }

  it('should answer a batch of one with an array of one', () => {
    expect(receive('[{"jsonrpc":"2.0","method":"sum","params":[1],"id":7}]')).to.equal(
      '[{"jsonrpc":"2.0","result":1,"id":7}]',
    );
  });

  it('should answer a nested batch as one invalid entry, and its neighbours as calls', () => {
    const call = '{"jsonrpc":"2.0","method":"sum","params":[1],"id":7}';
    expect(receive(`[[${call}],${call}]`)).to.equal(`[${invalid},{"jsonrpc":"2.0","result":1,"id":7}]`);
  });

  it('should answer a call whose result is undefined with null', () => {
    expect(receive('{"jsonrpc":"2.0","method":"update","id":1}')).to.equal(
      '{"jsonrpc":"2.0","result":null,"id":1}',
    );
  });

  for (const method of ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'rpc.discover']) {
    it(`should find no method ${method}`, () => {
      expect(receive(`{"jsonrpc":"2.0","method":"${method}","id":1}`)).to.equal(
        '{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":1}',
      );
    });
  }

  it('should put the members of an RpcError on the wire, and neither its stack nor its cause', () => {
    const thrown = new RpcError(1, 'no', { data: [1], cause: new Error('secret') });
    expect(JSON.stringify(failure(1, thrown))).to.equal(
      '{"jsonrpc":"2.0","error":{"code":1,"message":"no","data":[1]},"id":1}',
    );
  });
});
