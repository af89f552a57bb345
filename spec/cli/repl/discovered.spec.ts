import { expect } from 'chai';
import * as t from 'io-ts';
import { documentOf } from '../../../src/cli/repl/openrpc.js';
import { notification, openrpc, request, service, stream } from '../../../src/index.js';

describe('what the shell reads of a document', () => {
  it('should be what a server answers', () => {
    const document = openrpc(
      service('s', {
        add: request({ params: t.tuple([t.number, t.number]), result: t.number }),
        find: request({
          params: t.intersection([t.type({ id: t.string }), t.partial({ deep: t.boolean })]),
          result: t.union([t.string, t.null]),
        }),
        ticks: stream({ item: t.array(t.type({ at: t.Int })) }),
        log: notification({ params: t.array(t.string) }),
      }),
    );
    const read = documentOf(JSON.parse(JSON.stringify(document)));
    expect(read).to.have.property('_tag', 'Right');
  });

  it('should not be one too deep to be read', () => {
    const deep: unknown = JSON.parse(`${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`);
    const document = { methods: [], components: { schemas: { A: deep } } };
    expect(documentOf(document)).to.deep.equal({
      _tag: 'Left',
      left: 'expected an OpenRPC document nested at most 500 deep',
    });
  });
});
