/** What is told of changes, those of methods and those that break callers in particular. */
import { expect } from 'chai';
import * as t from 'io-ts';
import { changes } from '../../../src/cli/discover/changes.js';
import {
  type JsonSchema,
  type Methods,
  notification,
  openrpc,
  request,
  service,
  stream,
  type Type,
} from '../../../src/index.js';

const recursive = (value: Type): Type => {
  const Node: Type = t.recursion('Node', () => t.type({ value, next: t.array(Node) }));
  return Node;
};

const compared = (before: Methods, after: Methods) =>
  changes(openrpc(service('s', before)), openrpc(service('s', after))).map(
    ({ breaking, where, what }) => `${breaking ? '!' : ' '} ${where}: ${what}`,
  );
const taking = (...params: [Type, ...Type[]]) => ({
  m: request({ params: t.tuple(params as never), result: t.null }),
});
const named = (params: Type) => ({ m: request({ params, result: t.null }) });
const Short = t.refinement(t.string, (text) => text.length < 10, 'Short');
const giving = (result: Type) => ({ m: request({ result }) });

describe('changes', () => {
  const cases: readonly [title: string, before: Methods, after: Methods, ...found: string[]][] = [
    ['nothing', taking(t.string), taking(t.string)],
    ['a method that is gone', { ...giving(t.string), n: notification() }, giving(t.string), '! n: removed'],
    ['a method that has come', giving(t.string), { ...giving(t.string), n: notification() }, '  n: added'],
    ['another kind', giving(t.string), { m: stream({ item: t.string }) }, '! m: was a request, is a stream'],
    [
      'one param more',
      taking(t.string),
      taking(t.string, t.number),
      '! m.params[1]: takes less: absent, not number',
    ],
    [
      'one optional param more',
      taking(t.string),
      taking(t.string, t.union([t.number, t.undefined])),
      '  m.params[1]: takes more: number, not absent',
    ],
    [
      'one param less',
      taking(t.string, t.number),
      taking(t.string),
      '! m.params[1]: takes less: number, not absent',
    ],
    [
      'a param of another type',
      taking(t.string),
      taking(t.number),
      '! m.params[0]: takes less: string, not number',
    ],
    [
      'a param that takes more',
      taking(t.string),
      taking(t.union([t.string, t.number])),
      '  m.params[0]: takes more: number, not string',
    ],
    [
      'an integer for a number',
      taking(t.number),
      taking(t.Int),
      '! m.params[0]: takes less: number, not Int',
    ],
    [
      'a value less',
      taking(t.keyof({ a: null, b: null })),
      taking(t.keyof({ a: null })),
      '! m.params[0]: takes less: "b", not "a"',
    ],
    [
      'a member that must be there',
      named(t.type({ a: t.string })),
      named(t.type({ a: t.string, b: t.number })),
      '! m.params.b: takes less: absent, not number',
    ],
    [
      'a member that may be there',
      named(t.type({ a: t.string })),
      named(t.intersection([t.type({ a: t.string }), t.partial({ b: t.number })])),
      '  m.params.b: added: b?: number',
    ],
    [
      'a member that may no longer be absent',
      named(t.partial({ a: t.string })),
      named(t.type({ a: t.string })),
      '! m.params.a: takes less: absent, not string',
    ],
    [
      'names instead of positions',
      taking(t.string),
      named(t.type({ a: t.string })),
      '! m.params: takes less: [string], not { a: string }',
    ],
    [
      'a result with a member less',
      giving(t.type({ a: t.string, b: t.number })),
      giving(t.type({ a: t.string })),
      '! m.result.b: may be what it never was: absent, not number',
    ],
    [
      'a result with a member more',
      giving(t.type({ a: t.string })),
      giving(t.type({ a: t.string, b: t.number })),
      '  m.result.b: is less than it was: absent, not number',
    ],
    [
      'a result that may be null',
      giving(t.string),
      giving(t.union([t.string, t.null])),
      '! m.result: may be what it never was: null, not string',
    ],
    ['a tree, the same', giving(recursive(t.number)), giving(recursive(t.number))],
    [
      'a tree of something else',
      giving(recursive(t.number)),
      giving(recursive(t.string)),
      '! m.result.value: may be what it never was: string, not number',
      '! m.result.next[].value: may be what it never was: string, not number',
    ],
    [
      'an array for a tuple',
      named(t.tuple([t.number])),
      named(t.array(t.string)),
      '! m.params[0]: takes less: number, not string',
    ],
    [
      'others for a member',
      named(t.type({ a: t.string })),
      named(t.union([t.type({ b: t.string }), t.type({ c: t.string })])),
      '! m.params: takes less: { a: string }, not { b: string } | { c: string }',
    ],
    [
      'an item that may no longer be absent',
      taking(t.tuple([t.number, t.union([t.number, t.undefined])])),
      taking(t.tuple([t.number, t.number])),
      '! m.params[0][1]: takes less: absent, not number',
    ],
    [
      'a name in a record',
      taking(t.record(t.string, t.number)),
      taking(t.partial({ x: t.string })),
      '! m.params[0].x: takes less: number, not string',
    ],
    [
      'a record for names',
      taking(t.partial({ x: t.string })),
      taking(t.record(t.string, t.number)),
      '! m.params[0].x: takes less: string, not number',
    ],
    [
      'a result with an item less',
      giving(t.tuple([t.number, t.number])),
      giving(t.tuple([t.number])),
      '! m.result[1]: may be what it never was: absent, not number',
    ],
    [
      'a result with an item more',
      giving(t.tuple([t.number])),
      giving(t.tuple([t.number, t.number])),
      '! m.result[1]: may be what it never was: number, not absent',
    ],
    [
      'a param that can no longer be',
      taking(t.string),
      taking(t.never as unknown as Type),
      '! m.params[0]: takes less: string, not never',
    ],
    [
      'params where there were none',
      named(t.void),
      named(t.partial({ a: t.string })),
      '! m.params: takes less: absent, not { a?: string }',
      '! m.params: takes less: [], not { a?: string }',
    ],
    [
      'params that must be there',
      named(t.union([t.array(t.string), t.undefined])),
      named(t.array(t.string)),
      '! m.params: takes less: absent, not string[]',
    ],
    [
      'a check that nobody can look into',
      taking(t.string),
      taking(Short),
      "! m.params[0]: takes less: string, and what Short checks can't be told",
    ],
    [
      'a check of all params',
      taking(t.string),
      named(t.refinement(t.tuple([t.string]), () => true, 'Short')),
      "! m.params: takes less: [string], and what Short checks can't be told",
    ],
    [
      'a check less',
      taking(Short),
      taking(t.string),
      "  m.params[0]: takes more: string, and what Short checks can't be told",
    ],
    [
      'a member of one of several',
      giving(t.union([t.type({ a: t.type({ b: t.string }) }), t.null])),
      giving(t.union([t.type({ a: t.type({ b: t.number }) }), t.null])),
      '! m.result.a.b: may be what it never was: number, not string',
    ],
    [
      'values of a type',
      giving(t.intersection([t.union([t.string, t.number]), t.union([t.literal('a'), t.literal(1)])])),
      giving(t.union([t.literal('a'), t.literal(1), t.literal(true)])),
      '! m.result: may be what it never was: true, not string | number',
      '! m.result: may be what it never was: true, not "a" | 1',
    ],
    [
      'a member that is a tree in both',
      giving(t.type({ a: recursive(t.number) })),
      giving(t.type({ a: recursive(t.Int), b: t.null })),
      '  m.result.b: is less than it was: absent, not null',
      '  m.result.a.value: is less than it was: number, not Int',
      '  m.result.a.next[].value: is less than it was: number, not Int',
    ],
  ];
  for (const [title, before, after, ...found] of cases)
    it(`should tell of ${title}`, () => {
      expect(compared(before, after)).to.deep.equal(found);
    });

  describe('of documents by others', () => {
    const document = (schema: JsonSchema, schemas?: Readonly<Record<string, JsonSchema>>) => ({
      methods: [
        { name: 'm', params: [{ name: 'a', required: true, schema }], paramStructure: 'by-name' as const },
      ],
      components: { schemas },
    });
    const object = { type: 'object', properties: { a: { type: 'string' } } };
    const pattern = { type: 'string', pattern: '^a' } as JsonSchema;
    const itself = { $ref: '#/components/schemas/A' };
    const cases: readonly [title: string, before: JsonSchema, after: JsonSchema, ...found: string[]][] = [
      [
        'keywords that nobody knows',
        { type: 'string' },
        pattern,
        "takes less: string, and what pattern says can't be told",
      ],
      ['those that are the same', pattern, { ...pattern }],
      [
        'members that are not named',
        { ...object, additionalProperties: true },
        { ...object, additionalProperties: { type: 'string' } },
        '.*: takes less: any, not string',
      ],
      [
        'what is not to be',
        { type: 'string' },
        { not: { type: 'number' } },
        "takes less: what not says can't be told",
      ],
      ['references elsewhere', { $ref: 'b.json' }, { $ref: 'a.json' }, 'takes less: b.json, not a.json'],
      ['what is beside a reference', itself, { ...itself, maxItems: 1 }, '[1]: takes less: any, not absent'],
      [
        'constants with parts',
        { const: { a: [1] } },
        { type: 'object', properties: { a: { type: 'array', items: { type: 'string' } } } },
        '.a[0]: takes less: 1, not string',
      ],
    ];
    for (const [title, before, after, ...found] of cases)
      it(`should tell of ${title}`, () => {
        const schemas = { A: { type: 'array' } };
        const told = changes(document(before, schemas), document(after, schemas));
        const [first] = told.filter(({ breaking }) => breaking).map(({ where, what }) => `${where}: ${what}`);
        expect(first).to.equal(
          found[0] &&
            `m.params.a${found[0].startsWith('.') || found[0].startsWith('[') ? '' : ': '}${found[0]}`,
        );
      });

    it('should give up on what is made of itself, or is too much', () => {
      const unlike = (schema: JsonSchema, schemas?: Readonly<Record<string, JsonSchema>>) =>
        changes(document({ type: 'string' }), document(schema, schemas));
      const gave = [{ breaking: true, where: 'm.params', what: 'takes less: too much to compare' }];
      expect(unlike(itself, { A: { allOf: [itself, object] } })).to.deep.equal(gave);
      const many = {
        allOf: Array.from({ length: 20 }, (_, i) => ({ anyOf: [{ title: `A${i}` }, { title: `B${i}` }] })),
      };
      expect(changes(document({ items: many }), document({ items: { type: 'null' } }))).to.deep.equal(gave);
    });
  });
});
