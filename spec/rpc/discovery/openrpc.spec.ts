/** What a document says of a contract, and that it is one by OpenRPC's own meta-schema. */
import { expect } from 'chai';
import * as fc from 'fast-check';
import { isRight } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import { encode, notification, request, service, stream, type Type } from '../../../src/contract.js';
import { type OpenRpcMethod, openrpc, openrpcOf } from '../../../src/rpc/discovery/openrpc.js';
import { ajv, faultsOf } from './meta-schema.js';

interface Node {
  readonly value: number;
  readonly next: readonly Node[];
}
const Node: Type<Node> = t.recursion<Node>('Node', () =>
  t.type({ value: t.number, next: t.readonlyArray(Node) }),
);
const Positive = t.brand(
  t.number,
  (n): n is t.Branded<number, { readonly Positive: symbol }> => n > 0,
  'Positive',
);
const DateText = new t.Type<Date, string, unknown>(
  'DateText',
  (value): value is Date => value instanceof Date,
  (value, context) => (typeof value === 'string' ? t.success(new Date(value)) : t.failure(value, context)),
  (date) => date.toISOString(),
);
const Side = t.keyof({ buy: null, sell: null }, 'Side');

const described = (method: Parameters<typeof openrpc>[0]['methods'][string]): OpenRpcMethod => {
  const document = openrpc(service('s', { m: method }));
  expect(faultsOf(document)).to.deep.equal([]);
  return document.methods[0] as OpenRpcMethod;
};
/** The schema of a type, as that of an item of params. */
const schemaOf = (type: Type) =>
  described(request({ params: t.tuple([type]), result: t.null })).params[0]?.schema;

describe('openrpc', () => {
  describe('of a type', () => {
    for (const [title, type, schema] of [
      ['a string', t.string, { type: 'string' }],
      ['a number', t.number, { type: 'number' }],
      ['a boolean', t.boolean, { type: 'boolean' }],
      ['null', t.null, { type: 'null' }],
      ['anything', t.unknown, {}],
      ['nothing at all', t.never, { not: {} }],
      ['a literal', t.literal('a'), { const: 'a' }],
      ['a literal false', t.literal(false), { const: false }],
      ['keys', t.keyof({ a: null, b: null }), { enum: ['a', 'b'] }],
      ['keys with a name', Side, { title: 'Side', enum: ['buy', 'sell'] }],
      ['an integer', t.Int, { title: 'Int', type: 'integer' }],
      ['a branded number', Positive, { title: 'Positive', type: 'number' }],
      [
        'a branded object',
        t.brand(t.type({ a: t.string }), (_): _ is any => true, 'Safe' as any),
        {
          title: 'Safe',
          type: 'object',
          properties: { a: { type: 'string' } },
          required: ['a'],
        },
      ],
      ['a custom type', DateText, { title: 'DateText' }],
      ["one of io-ts's that was given a fallback", withFallback(t.number), { title: 'number' }],
      ['an array', t.array(t.string), { type: 'array', items: { type: 'string' } }],
      [
        'a readonly array',
        t.readonlyArray(t.Int),
        { type: 'array', items: { title: 'Int', type: 'integer' } },
      ],
      ['any array', t.UnknownArray, { type: 'array' }],
      [
        'a tuple',
        t.tuple([t.string, t.number]),
        {
          type: 'array',
          items: [{ type: 'string' }, { type: 'number' }],
          minItems: 2,
          maxItems: 2,
        },
      ],
      [
        'a tuple that may be shorter',
        t.tuple([t.string, t.union([t.number, t.undefined])]),
        {
          type: 'array',
          items: [{ type: 'string' }, { type: 'number' }],
          minItems: 1,
          maxItems: 2,
        },
      ],
      [
        'an object',
        t.type({ a: t.string, b: t.union([t.number, t.undefined]) }),
        {
          type: 'object',
          properties: { a: { type: 'string' }, b: { type: 'number' } },
          required: ['a'],
        },
      ],
      [
        'an object with a name',
        t.type({ a: t.string }, 'Quote'),
        {
          title: 'Quote',
          type: 'object',
          properties: { a: { type: 'string' } },
          required: ['a'],
        },
      ],
      [
        'a partial object',
        t.partial({ a: t.string }),
        { type: 'object', properties: { a: { type: 'string' } } },
      ],
      [
        'a readonly object',
        t.readonly(t.type({ a: t.null })),
        {
          type: 'object',
          properties: { a: { type: 'null' } },
          required: ['a'],
        },
      ],
      [
        'a strict object',
        t.strict({ a: t.string }),
        {
          type: 'object',
          properties: { a: { type: 'string' } },
          required: ['a'],
          additionalProperties: false,
        },
      ],
      [
        'an intersection of objects',
        t.intersection([t.type({ a: t.string }), t.partial({ b: t.number })]),
        {
          type: 'object',
          properties: { a: { type: 'string' }, b: { type: 'number' } },
          required: ['a'],
        },
      ],
      [
        'an exact intersection',
        t.exact(t.intersection([t.type({ a: t.string }), t.partial({ b: t.number })])),
        {
          type: 'object',
          properties: { a: { type: 'string' }, b: { type: 'number' } },
          required: ['a'],
          additionalProperties: false,
        },
      ],
      [
        'an intersection of exact objects of which one is asked twice for a member',
        t.intersection([t.strict({ a: t.number }), t.strict({ a: t.Int, b: t.null })]),
        {
          type: 'object',
          properties: {
            a: { allOf: [{ type: 'number' }, { title: 'Int', type: 'integer' }] },
            b: { type: 'null' },
          },
          required: ['a', 'b'],
          additionalProperties: false,
        },
      ],
      [
        'an intersection with what is no object',
        t.intersection([t.strict({ a: t.null }), t.union([t.strict({ b: t.null }), t.null])]),
        {
          allOf: [
            { type: 'object', properties: { a: { type: 'null' } }, required: ['a'] },
            {
              anyOf: [
                { type: 'object', properties: { b: { type: 'null' } }, required: ['b'] },
                { type: 'null' },
              ],
            },
          ],
        },
      ],
      ['a union', t.union([t.string, t.null]), { anyOf: [{ type: 'string' }, { type: 'null' }] }],
      [
        'a union of literals',
        t.union([t.literal('a'), t.literal(1), t.keyof({ a: null, b: null })]),
        {
          enum: ['a', 1, 'b'],
        },
      ],
      [
        'a union with a named part',
        t.union([Side, t.literal('none')]),
        {
          anyOf: [{ title: 'Side', enum: ['buy', 'sell'] }, { const: 'none' }],
        },
      ],
      [
        'a record',
        t.record(t.string, t.number),
        { type: 'object', additionalProperties: { type: 'number' } },
      ],
      [
        'a record by known keys',
        t.record(Side, t.number),
        {
          type: 'object',
          properties: { buy: { type: 'number' }, sell: { type: 'number' } },
          required: ['buy', 'sell'],
        },
      ],
      ['any record', t.UnknownRecord, { type: 'object' }],
    ] as [string, Type, object][]) {
      it(`should be that of ${title}`, () => {
        expect(schemaOf(type)).to.deep.equal(schema);
      });
    }

    it('should refer to a recursive type by its name, and know two of one name apart', () => {
      const other: Type = t.recursion('Node', () => t.union([t.null, t.tuple([other])]));
      const document = openrpc(
        service('s', { a: request({ params: t.tuple([Node, other]), result: t.array(Node) }) }),
      );
      expect(faultsOf(document)).to.deep.equal([]);
      const ref = { $ref: '#/components/schemas/Node' };
      expect(document.methods[0]?.params.map(({ schema }) => schema)).to.deep.equal([
        ref,
        { $ref: '#/components/schemas/Node-2' },
      ]);
      expect(document.methods[0]?.result?.schema).to.deep.equal({ type: 'array', items: ref });
      expect(document.components?.schemas).to.deep.equal({
        Node: {
          title: 'Node',
          type: 'object',
          properties: { value: { type: 'number' }, next: { type: 'array', items: ref } },
          required: ['value', 'next'],
        },
        'Node-2': {
          title: 'Node',
          anyOf: [
            { type: 'null' },
            { type: 'array', items: [{ $ref: '#/components/schemas/Node-2' }], minItems: 1, maxItems: 1 },
          ],
        },
      });
    });

    it('should name what lies deeper than it looks, and what there is too much of', () => {
      // Each look makes another type: it never comes back to one that is known.
      const endless = (n: number): Type =>
        t.recursion(`N${n}`, () => t.tuple([endless(n + 1), endless(n + 1)]));
      const document = openrpc(service('s', { a: request({ result: endless(0) }) }));
      expect(faultsOf(document)).to.deep.equal([]);
      expect(JSON.stringify(document).length).to.be.below(2_000_000);
    });

    it('should take a type that throws for one that must be there', () => {
      const broken = new t.Type<string>(
        'Broken',
        (_): _ is string => {
          throw new Error('is');
        },
        () => {
          throw new Error('decode');
        },
        t.identity,
      );
      expect(schemaOf(broken)).to.deep.equal({ title: 'Broken' });
    });
  });

  describe('of a method', () => {
    it('should list params by position', () => {
      expect(
        described(
          request({ params: t.tuple([t.string, t.union([t.number, t.undefined])]), result: t.string }),
        ),
      ).to.deep.equal({
        name: 'm',
        paramStructure: 'by-position',
        params: [
          { name: 'param0', required: true, schema: { type: 'string' } },
          { name: 'param1', schema: { type: 'number' } },
        ],
        result: { name: 'result', schema: { type: 'string' } },
        'x-callstream': { kind: 'request' },
      });
    });

    it('should list params by name, of a refinement too', () => {
      const params = t.intersection([t.type({ symbol: t.string }), t.partial({ since: DateText })]);
      const listed = {
        paramStructure: 'by-name',
        params: [
          { name: 'symbol', required: true, schema: { type: 'string' } },
          { name: 'since', schema: { title: 'DateText' } },
        ],
      };
      expect(described(notification({ params }))).to.deep.include(listed);
      const brand = t.brand(t.readonly(params), (_): _ is any => true, 'Asked' as any);
      expect(described(notification({ params: brand as any }))).to.deep.include(listed);
    });

    it('should have no params where there are none', () => {
      for (const params of [undefined, t.undefined, t.void, t.tuple([] as any)] as any[]) {
        const { params: listed, 'x-callstream': extension } = described(request({ params, result: t.null }));
        expect([listed, extension]).to.deep.equal([[], { kind: 'request' }]);
      }
    });

    it('should give one schema of params that cannot be listed', () => {
      for (const [type, schema, optional] of [
        [t.array(t.number), { type: 'array', items: { type: 'number' } }],
        [t.record(t.string, t.number), { type: 'object', additionalProperties: { type: 'number' } }],
        [t.type({ '': t.null }), { type: 'object', properties: { '': { type: 'null' } }, required: [''] }],
        [
          t.union([t.type({ a: t.null }), t.undefined]),
          { type: 'object', properties: { a: { type: 'null' } }, required: ['a'] },
          true,
        ],
      ] as [any, object, true?][]) {
        const {
          paramStructure,
          params,
          'x-callstream': extension,
        } = described(request({ params: type, result: t.null }));
        expect([paramStructure, params, extension]).to.deep.equal([
          undefined,
          [],
          { kind: 'request', params: schema, ...(optional && { optional }) },
        ]);
      }
    });

    it('should name the refinement of params that are listed', () => {
      const Ordered = t.refinement(t.tuple([t.number, t.number]), ([a, b]) => a < b, 'Ordered');
      expect(described(request({ params: Ordered, result: t.null }))['x-callstream']).to.deep.equal({
        kind: 'request',
        title: 'Ordered',
      });
    });

    it('should say that nothing is null in a result', () => {
      const resultOf = (result: Type) => described(request({ result })).result?.schema;
      expect(resultOf(t.void)).to.deep.equal({ type: 'null' });
      expect(resultOf(t.union([t.string, t.undefined]))).to.deep.equal({
        anyOf: [{ type: 'string' }, { type: 'null' }],
      });
      expect(resultOf(t.unknown)).to.deep.equal({});
    });

    it('should have the array of its items as the result of a stream, and no result of a notification', () => {
      expect(described(stream({ item: t.number }))).to.deep.equal({
        name: 'm',
        params: [],
        result: { name: 'items', schema: { type: 'array', items: { type: 'number' } } },
        'x-callstream': { kind: 'stream' },
      });
      expect(described(notification())).to.deep.equal({
        name: 'm',
        params: [],
        'x-callstream': { kind: 'notification' },
      });
    });
  });

  it('should have open params and results where there is no contract', () => {
    const document = openrpcOf('calc', ['add', '']);
    expect(faultsOf(document)).to.deep.equal([]);
    expect(document.methods).to.deep.equal([
      { name: 'add', params: [], result: { name: 'result', schema: {} }, 'x-callstream': { params: {} } },
    ]);
  });

  it('should have a version that goes with what the contract says', () => {
    const version = (name: string, result: Type) =>
      openrpc(service(name, { a: request({ result }) })).info.version;
    expect(version('a', t.string)).to.equal(version('b', t.string));
    expect(version('a', t.string)).not.to.equal(version('a', t.number));
  });

  describe('of any contract', () => {
    /** Types that check without a code of their own, so that a schema can say the same. */
    const typesOf = (keys: readonly string[]) =>
      fc.letrec<{ type: Type; leaf: Type; object: Type }>((tie) => ({
        leaf: fc.constantFrom<Type>(
          t.string,
          t.number,
          t.boolean,
          t.null,
          t.unknown,
          Side,
          t.Int,
          Node,
          t.literal('a'),
          t.literal(1),
          t.undefined,
          t.UnknownArray,
          t.UnknownRecord,
        ),
        object: fc.oneof(
          fc
            .tuple(
              fc.dictionary(fc.constantFrom(...keys), tie('type'), { maxKeys: 3 }),
              fc.constantFrom(t.type, t.partial, t.strict),
            )
            .map(([props, make]) => (make as any)(props) as Type),
          fc.tuple(tie('object'), tie('object')).map(([a, b]) => t.intersection([a, b])),
          tie('object').map((type) => t.readonly(type)),
        ),
        type: fc.oneof(
          { depthSize: 'small', withCrossShrink: true },
          tie('leaf'),
          tie('object'),
          tie('type').map((type) => t.array(type)),
          fc.array(tie('type'), { maxLength: 3 }).map((types) => t.tuple(types as any) as Type),
          fc.tuple(tie('type'), tie('type')).map(([a, b]) => unionOf(a, b)),
          tie('type').map((type) => t.record(t.string, type) as Type),
          tie('type').map((type) => t.record(Side, type) as Type),
        ),
      })).type;
    const anyType = typesOf(['a', 'b', '', '__proto__']);
    // ajv takes no notice of a required member without a name.
    const checkable = typesOf(['a', 'b', 'c']);
    const data = fc.jsonValue({ maxDepth: 3 });
    const leaves = fc.constantFrom<unknown>('a', 'buy', '', 1, 1.5, true, null, { value: 1, next: [] });
    const { value: fitting } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        leaves,
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('a', 'b', 'c', '', 'buy', 'sell', 'x'), tie('value'), { maxKeys: 4 }),
      ),
    }));

    it('should be valid by the meta-schema', () => {
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.string(), anyType, anyType), { maxLength: 4 }), (methods) => {
          const contract = service(
            's',
            Object.fromEntries(
              methods
                .filter(([name]) => !/^(rpc\.|\$\/)/.test(name))
                .flatMap(([name, params, result]) => [
                  [name, request({ params, result })],
                  [`${name}$`, stream({ params, item: result })],
                  [`${name}!`, notification({ params })],
                ]),
            ),
          );
          expect(faultsOf(JSON.parse(JSON.stringify(openrpc(contract))))).to.deep.equal([]);
        }),
        { numRuns: 300 },
      );
    });

    it('should let through what the type lets through, and nothing else', () => {
      let [accepted, refused] = [0, 0];
      fc.assert(
        fc.property(
          checkable,
          fc.array(fc.oneof(fitting, data), { minLength: 20, maxLength: 20 }),
          (type, values) => {
            const { methods, components } = openrpc(
              service('s', { m: stream({ item: t.type({ it: type }) }) }),
            );
            const items = (methods[0] as any).result.schema.items.properties.it;
            const validate = ajv().compile({ ...JSON.parse(JSON.stringify({ components })), allOf: [items] });
            for (const value of values) {
              const decoded = type.decode(value);
              if (isRight(decoded)) {
                // io-ts decodes some values that it doesn't encode: they don't travel back.
                const encoded = encode(type, decoded.right, 'it');
                const text = isRight(encoded) ? JSON.stringify(encoded.right) : undefined;
                if (text === undefined) continue;
                accepted += 1;
                expect(
                  validate(JSON.parse(text)),
                  `${type.name} gives ${text}: ${JSON.stringify(items)}`,
                ).to.equal(true);
              } else {
                refused += 1;
                expect(
                  validate(value),
                  `${type.name} refuses ${JSON.stringify(value)}: ${JSON.stringify(items)}`,
                ).to.equal(false);
              }
            }
          },
        ),
        { numRuns: 200 },
      );
      expect(Math.min(accepted, refused)).to.be.above(100);
    });
  });
});

/** io-ts looks for a tag, and fails where a member is named as Object.prototype's are. */
function unionOf(a: Type, b: Type): Type {
  try {
    return t.union([a, b]);
  } catch {
    return a;
  }
}

/** As io-ts-types does it: a clone with another decode. */
function withFallback(type: Type): Type {
  const clone = Object.create(Object.getPrototypeOf(type));
  Object.assign(clone, type);
  clone.decode = (value: unknown) => (isRight(type.decode(value)) ? type.decode(value) : t.success(0));
  return clone;
}
