import { expect } from 'chai';
import { Catalogue } from '../../../src/cli/repl/catalogue.js';
import { signature } from '../../../src/cli/repl/signature.js';

describe("a shell's catalogue", () => {
  const of = (answer: unknown, topics: readonly string[] = []) =>
    new Catalogue({ discover: async () => answer, topicNames: async () => topics });

  it('should know the services that have a topic, and those of its own', async () => {
    const catalogue = of({}, ['calc.requests', 'calc.replies', 'orders', 'a.b.requests']);
    catalogue.add('own');
    expect(await catalogue.services()).to.deep.equal(['a.b', 'calc', 'own']);
    expect(await catalogue.has('calc')).to.equal(true);
    expect(await catalogue.has('orders')).to.equal(false);
  });

  it('should go on with its own where topics are not told', async () => {
    const catalogue = new Catalogue({
      discover: () => Promise.reject(new Error('nobody')),
      topicNames: () => Promise.reject(new Error('denied')),
    });
    catalogue.add('own');
    expect(await catalogue.services()).to.deep.equal(['own']);
    expect(await catalogue.describe('own')).to.equal(undefined);
    expect(await catalogue.list().catch((error) => error.message)).to.equal('denied');
  });

  it('should wait a second for whoever types, and as long as it takes for who asks', async () => {
    let tell: (topics: string[]) => void = () => {};
    const told = new Promise<string[]>((resolve) => {
      tell = resolve;
    });
    const catalogue = new Catalogue({ discover: async () => ({}), topicNames: () => told });
    catalogue.add('own');
    const list = catalogue.list();
    expect(await catalogue.services()).to.deep.equal(['own']);
    tell(['calc.requests']);
    expect(await list).to.deep.equal(['calc', 'own']);
  });

  it('should ask once for what it knows, and again for what it forgot', async () => {
    let asked = 0;
    const catalogue = new Catalogue({
      discover: async () => {
        asked += 1;
        return { methods: [{ name: 'add', params: [] }] };
      },
      topicNames: async () => [],
    });
    await Promise.all([catalogue.describe('calc'), catalogue.describe('calc')]);
    expect([...((await catalogue.describe('calc')) ?? [])].map(([name]) => name)).to.deep.equal(['add']);
    expect(asked).to.equal(1);
    expect(await catalogue.has('calc')).to.equal(true);
    catalogue.forget('calc');
    await catalogue.describe('calc');
    expect(asked).to.equal(2);
  });

  for (const answer of [null, 5, {}, { methods: {} }, { methods: [null] }, { methods: [{ name: 'a' }] }]) {
    it(`should take ${JSON.stringify(answer)} for no document`, async () => {
      expect(await of(answer).describe('calc')).to.equal(undefined);
    });
  }

  it('should take one that is too deep for none', async () => {
    let schema: object = {};
    for (let depth = 0; depth < 50_000; depth += 1) schema = { items: schema };
    const answer = { methods: [{ name: 'a', params: [{ name: 'p', schema }] }] };
    expect(await of(answer).describe('calc')).to.equal(undefined);
  });
});

describe('a signature', () => {
  const shown = (params: object[], rest: object = {}) =>
    signature({ name: 'm', params, ...rest } as Parameters<typeof signature>[0]);
  const number = { type: 'number' };

  it('should have names and types of params and results', () => {
    const result = {
      name: 'result',
      schema: { type: 'array', items: { anyOf: [number, { type: 'null' }] } },
    };
    const params = [
      { name: 'a', required: true, schema: number },
      { name: 'b', schema: { properties: { x: number, y: {} }, required: ['x'] } },
    ];
    expect(shown(params, { result })).to.equal('m(a: number, b?: { x: number, y?: any }): (number | null)[]');
  });

  it('should tell params by name, streams, notifications, and what takes anything', () => {
    const params = [{ name: 'a', schema: { $ref: '#/components/schemas/Tree' } }];
    expect(shown(params, { paramStructure: 'by-name' })).to.equal('m({ a?: Tree })');
    const stream = {
      'x-callstream': { kind: 'stream' },
      result: { name: 'items', schema: { items: number } },
    };
    expect(shown([], stream)).to.equal('m(): stream of number');
    expect(shown([], { 'x-callstream': { kind: 'notification' } })).to.equal('m()');
    expect(shown([], { 'x-callstream': { params: {} } })).to.equal('m(...any)');
  });

  it('should end, and act on no terminal', () => {
    let deep: object = number;
    for (let depth = 0; depth < 10; depth += 1) deep = { properties: { x: deep } };
    expect(shown([{ name: '\x1b[31m', schema: deep }]).length).to.be.below(100);
    expect(shown([{ name: '\x1b[31m', schema: deep }])).not.to.include('\x1b');
    expect(shown([{ name: 'a', schema: { title: 'x'.repeat(5_000) } }]).length).to.be.below(500);
  });
});
