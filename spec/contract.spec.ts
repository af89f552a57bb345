import { expect } from 'chai';
import * as fc from 'fast-check';
import { type Either, isLeft, isRight } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import {
  checkServiceName,
  decode,
  encode,
  explain,
  type Issue,
  notification,
  request,
  service,
  stream,
  type Type,
} from '../src/contract.js';

const DateFromISOString = new t.Type<Date, string, unknown>(
  'DateFromISOString',
  (value): value is Date => value instanceof Date,
  (value, context) => {
    const date = new Date(typeof value === 'string' ? value : Number.NaN);
    return Number.isNaN(date.getTime()) ? t.failure(value, context) : t.success(date);
  },
  (date) => date.toISOString(),
);

/** Its `encode` changes nothing, its `decode` does. */
const Trimmed = new t.Type<string, string, unknown>(
  'Trimmed',
  t.string.is,
  (value, context) => (typeof value === 'string' ? t.success(value.trim()) : t.failure(value, context)),
  t.identity,
);

/** Its `is` takes what its `decode` refuses. */
const Short = new t.Type<string, string, unknown>(
  'Short',
  t.string.is,
  (value, context) =>
    typeof value === 'string' && value.length < 4 ? t.success(value) : t.failure(value, context),
  t.identity,
);

/** A copy of io-ts's own string that was given another `decode`, as io-ts-types' `withValidate` does. */
const Given: t.StringC = Object.assign(Object.create(Object.getPrototypeOf(t.string)), t.string, {
  validate: Short.validate,
  decode: (value: unknown) => Short.decode(value),
});

const Throws = new t.Type<string, string, unknown>(
  'Throws',
  (value): value is string => value === 'is' || value === 'encode',
  () => {
    throw new Error('a secret');
  },
  () => {
    throw new Error('a reason');
  },
);

const Positive = t.brand(
  t.number,
  (n): n is t.Branded<number, { readonly Positive: symbol }> => n > 0,
  'Positive',
);

const Order = t.type({ symbol: t.string, price: t.number }, 'Order');

interface Tree {
  readonly value: number;
  readonly children: readonly Tree[];
}
const Tree: Type<Tree> = t.recursion('Tree', () =>
  t.type({ value: t.number, children: t.readonlyArray(Tree) }),
);

const passed = <A>(outcome: Either<readonly Issue[], A>): A => {
  if (isRight(outcome)) return outcome.right;
  throw new Error(explain(outcome.left));
};

const refused = (outcome: Either<readonly Issue[], unknown>): readonly Issue[] => {
  if (isLeft(outcome)) return outcome.left;
  throw new Error(`passed: ${JSON.stringify(outcome.right)}`);
};

const told = (outcome: Either<readonly Issue[], unknown>): string => explain(refused(outcome));

describe('contract', () => {
  describe('service', () => {
    it('should keep its name and the methods as they were made', () => {
      const quote = request({ params: t.tuple([t.string]), result: Order });
      const ticks = stream({ params: Order, item: t.number });
      const audit = notification({ params: Order });
      const prices = service('prices', { quote, ticks, audit });
      expect(prices.name).to.equal('prices');
      expect(prices.methods).to.deep.equal({ quote, ticks, audit });
      expect(quote).to.deep.include({ kind: 'request', result: Order });
      expect(ticks).to.deep.include({ kind: 'stream', params: Order, item: t.number });
      expect(audit).to.deep.equal({ kind: 'notification', params: Order });
    });

    it('should be a service without any method', () => {
      expect(service('empty', {}).methods).to.deep.equal({});
    });

    for (const name of ['a', 'prices', 'Prices.v2', 'a-b_c', '..a', '0', 'x'.repeat(200)]) {
      it(`should take the name ${name.slice(0, 20)}`, () => {
        expect(checkServiceName(name)).to.equal(name);
        expect(service(name, {}).name).to.equal(name);
      });
    }

    for (const name of ['', '.', '..', 'a b', 'a/b', 'größe', 'a\n', '\0', '💥', 'x'.repeat(201)]) {
      it(`should refuse the name ${JSON.stringify(name).slice(0, 20)}, and say what a name may be`, () => {
        expect(() => service(name, {})).to.throw(
          TypeError,
          /^service name: expected 1 to 200 of the characters a-z A-Z 0-9 \. _ - .*, got "/,
        );
      });
    }

    it('should refuse names that are no strings', () => {
      for (const [name, shown] of [
        [undefined, 'nothing'],
        [null, 'null'],
        [5, '5'],
        [['a'], '["a"]'],
        [{ toString: () => 'a' }, '{}'],
        [Object.create(null), '{}'],
        [Symbol('a'), 'Symbol(a)'],
        [10n, '10n'],
        [() => 'a', 'a function'],
      ] as const) {
        expect(() => checkServiceName(name as any)).to.throw(TypeError, `got ${shown}`);
      }
    });

    for (const name of ['rpc.', 'rpc.discover', '$/', '$/cancel']) {
      it(`should refuse the reserved method name ${name}`, () => {
        expect(() => service('s', { [name]: notification() })).to.throw(
          TypeError,
          `method "${name}": names that begin with "rpc." or "$/" are reserved`,
        );
      });
    }

    it('should take names that only look reserved or built in', () => {
      const names = ['rpc', 'rpcs', 'Rpc.a', '$', 'a.b', '', '__proto__', 'constructor', 'toString', 'then'];
      const methods = Object.fromEntries(names.map((name) => [name, notification()]));
      expect(Object.keys(service('s', methods).methods)).to.deep.equal(names);
      expect(Object.getPrototypeOf(service('s', methods).methods)).to.equal(Object.prototype);
    });

    it('should refuse what is no method, or a method without its types', () => {
      const wrong: readonly (readonly [unknown, string])[] = [
        [Order, 'method "m": expected request(), stream() or notification(), got '],
        [undefined, 'method "m": expected request(), stream() or notification(), got nothing'],
        [null, 'method "m": expected request(), stream() or notification(), got null'],
        [() => 1, 'method "m": expected request(), stream() or notification(), got a function'],
        [request({} as any), 'method "m": expected an io-ts type as its result, got nothing'],
        [stream({ result: t.number } as any), 'method "m": expected an io-ts type as its item, got nothing'],
        [
          request({ params: 'text', result: t.number } as any),
          'method "m": expected an io-ts type as its params, got "text"',
        ],
        [
          notification({ params: String as any }),
          'method "m": expected an io-ts type as its params, got a function',
        ],
      ];
      for (const [method, message] of wrong) {
        expect(() => service('s', { m: method as any })).to.throw(TypeError, message);
      }
    });
  });

  describe('a method without params', () => {
    const methods = [
      request({ result: t.number }),
      stream({ item: t.number }),
      notification(),
      notification({}),
    ];

    it('should take none, and an empty array for none', () => {
      for (const { params } of methods) {
        expect(passed(decode(params, undefined, 'params'))).to.equal(undefined);
        expect(passed(decode(params, [], 'params'))).to.equal(undefined);
        expect(passed(encode(params, undefined, 'params'))).to.equal(undefined);
      }
    });

    it('should refuse any other', () => {
      for (const { params } of methods) {
        for (const value of [null, 0, '', {}, [undefined], ['a']]) {
          expect(told(decode(params, value, 'params'))).to.match(/^params: expected no params, got /);
          expect(told(encode(params, value as any, 'params'))).to.match(/^params: expected no params, got /);
        }
      }
    });
  });

  describe('decode', () => {
    it('should give back the value itself where the type only checks', () => {
      const value = { symbol: 'AAPL', price: 1, more: true };
      for (const type of [
        Order,
        t.readonly(Order),
        t.intersection([Order, t.partial({ size: t.number })]),
        t.unknown,
      ]) {
        expect(passed(decode(type as Type, value, 'params'))).to.equal(value);
      }
      const list = [value];
      expect(passed(decode(t.array(Order), list, 'params'))).to.equal(list);
      expect(passed(decode(t.tuple([Order]), list, 'params'))).to.equal(list);
    });

    it('should transform, at any depth', () => {
      const at = new Date(0);
      const wire = at.toISOString();
      expect(passed(decode(DateFromISOString, wire, 'result'))).to.deep.equal(at);
      expect(
        passed(decode(t.type({ list: t.array(t.tuple([DateFromISOString])) }), { list: [[wire]] }, 'result')),
      ).to.deep.equal({ list: [[at]] });
      expect(passed(decode(t.record(t.string, DateFromISOString), { a: wire }, 'result'))).to.deep.equal({
        a: at,
      });
      expect(passed(decode(t.union([t.null, DateFromISOString]), wire, 'result'))).to.deep.equal(at);
      expect(passed(decode(t.partial({ at: DateFromISOString }), {}, 'result'))).to.deep.equal({});
    });

    it('should strip what an exact type does not name', () => {
      const exact = t.exact(t.intersection([Order, t.partial({ size: t.number })]));
      const value = { symbol: 'A', price: 1, size: 2, more: 3 };
      expect(passed(decode(exact, value, 'params'))).to.deep.equal({ symbol: 'A', price: 1, size: 2 });
      expect(
        passed(decode(t.array(t.strict({ a: t.string })), [{ a: 'a', b: 'b' }], 'params')),
      ).to.deep.equal([{ a: 'a' }]);
      expect(value).to.have.property('more');
    });

    it('should decode in full with a type that transforms although its encode changes nothing', () => {
      expect(passed(decode(Trimmed, ' a ', 'params'))).to.equal('a');
      expect(passed(decode(t.tuple([Trimmed]), [' a '], 'params'))).to.deep.equal(['a']);
      expect(
        passed(
          decode(
            t.type({ deep: t.array(t.readonly(t.type({ a: Trimmed }))) }),
            { deep: [{ a: ' a ' }] },
            'params',
          ),
        ),
      ).to.deep.equal({ deep: [{ a: 'a' }] });
      expect(passed(decode(t.union([t.number, Trimmed]), ' a ', 'params'))).to.equal('a');
    });

    it('should refuse what decode refuses although is takes it', () => {
      expect(told(decode(Short, 'long enough', 'params'))).to.equal(
        'params: expected Short, got "long enough"',
      );
      expect(told(decode(t.tuple([Short]), ['long enough'], 'params'))).to.equal(
        'params[0]: expected Short, got "long enough"',
      );
      expect(told(decode(Given, 'long enough', 'params'))).to.contain('got "long enough"');
      expect(told(decode(t.partial({ a: Given }), { a: 'long enough' }, 'params'))).to.match(
        /^params\.a: .* got "long enough"$/,
      );
    });

    it('should take the tuple of the right length from a union of tuples', () => {
      const overloads = t.union([t.tuple([t.string]), t.tuple([t.string, t.number])]);
      expect(passed(decode(overloads, ['a', 5], 'params'))).to.deep.equal(['a', 5]);
      expect(passed(decode(overloads, ['a'], 'params'))).to.deep.equal(['a']);
    });

    it('should give an issue where a type throws, and keep what it said', () => {
      expect(told(decode(Throws, 'a', 'params'))).to.equal('params: expected Throws, got "a"');
      expect(told(decode(t.tuple([Throws]), ['a'], 'params'))).to.equal(
        'params: expected [Throws], got ["a"]',
      );
    });

    it('should refuse a value nested deeper than the stack', () => {
      let deep: Tree = { value: 0, children: [] };
      for (let i = 0; i < 20_000; i += 1) deep = { value: 0, children: [deep] };
      const [issue, ...others] = refused(decode(Tree, deep, 'params'));
      expect(issue).to.deep.include({ path: 'params', expected: 'Tree' });
      expect(others).to.deep.equal([]);
    });
  });

  describe('encode', () => {
    it('should give back the value itself where the type changes nothing', () => {
      const value = { symbol: 'AAPL', price: 1, more: true };
      expect(passed(encode(Order, value, 'params'))).to.equal(value);
    });

    it('should transform and strip', () => {
      const at = new Date(0);
      const type = t.strict({ at: DateFromISOString });
      expect(passed(encode(type, { at, more: 1 } as any, 'params'))).to.deep.equal({ at: at.toISOString() });
    });

    it('should refuse what decode would make right', () => {
      expect(told(encode(t.tuple([t.string]), ['a', 'b'] as any, 'params'))).to.equal(
        'params: expected [string], got ["a","b"]',
      );
      expect(told(encode(DateFromISOString, new Date(0).toISOString() as any, 'result'))).to.equal(
        'result: expected DateFromISOString, got "1970-01-01T00:00:00.000Z"',
      );
    });

    it('should say why a value can not be encoded', () => {
      expect(told(encode(DateFromISOString, new Date(Number.NaN), 'result'))).to.equal(
        'result: expected DateFromISOString, got null (Invalid time value)',
      );
      expect(told(encode(Throws, 'encode', 'params'))).to.equal(
        'params: expected Throws, got "encode" (a reason)',
      );
    });

    it('should refuse a value that contains itself', () => {
      const circle: { value: number; children: Tree[] } = { value: 0, children: [] };
      circle.children.push(circle);
      expect(told(encode(Tree, circle, 'params'))).to.match(
        /^params: expected Tree, got an object \(Maximum call stack/,
      );
    });
  });

  /** Each type, wrong values of it, and what is said about them, before sending as after receiving. */
  const wrong: readonly (readonly [string, Type, unknown, string])[] = [
    ['a primitive', t.string, 5, 'params: expected string, got 5'],
    ['nothing', t.string, undefined, 'params: expected string, got nothing'],
    [
      'a member of an object in a tuple',
      t.tuple([Order]),
      [{ symbol: 'A', price: 'x' }],
      'params[0].price: expected number, got "x"',
    ],
    [
      'a missing member',
      t.tuple([Order]),
      [{ symbol: 'A' }],
      'params[0].price: expected number, got nothing',
    ],
    [
      'two members',
      Order,
      {},
      'params.symbol: expected string, got nothing; params.price: expected number, got nothing',
    ],
    ['an array for an object', Order, ['A', 1], 'params: expected Order, got ["A",1]'],
    ['an object for an array', t.array(Order), { 0: 'A' }, 'params: expected Array<Order>, got {"0":"A"}'],
    ['null for an object', Order, null, 'params: expected Order, got null'],
    ['a missing element', t.tuple([t.string, t.number]), ['a'], 'params[1]: expected number, got nothing'],
    ['nested arrays', t.array(t.array(t.number)), [[1], [2, 'x']], 'params[1][1]: expected number, got "x"'],
    [
      'an optional member',
      t.partial({ size: t.number }),
      { size: '5' },
      'params.size: expected number, got "5"',
    ],
    [
      'a union',
      t.tuple([t.union([t.string, t.number])]),
      [true],
      'params[0]: expected string, got true; params[0]: expected number, got true',
    ],
    [
      'a tagged union',
      t.array(
        t.union([
          t.type({ kind: t.literal('a'), a: t.string }),
          t.type({ kind: t.literal('b'), b: t.string }),
        ]),
      ),
      [{ kind: 'b', b: 5 }],
      'params[0].b: expected string, got 5',
    ],
    [
      'an unknown tag',
      t.union([t.type({ kind: t.literal('a') }), t.type({ kind: t.literal('b') })], 'Shape'),
      { kind: 'c' },
      'params: expected Shape, got {"kind":"c"}',
    ],
    [
      'an intersection',
      t.tuple([t.intersection([t.type({ a: t.string }), t.partial({ b: t.number })])]),
      [{ a: 'a', b: 'b' }],
      'params[0].b: expected number, got "b"',
    ],
    [
      'an exact intersection',
      t.tuple([t.exact(t.intersection([t.type({ a: t.string }), t.partial({ b: t.number })]))]),
      [{ a: 'a', b: 'b' }],
      'params[0].b: expected number, got "b"',
    ],
    [
      'a readonly union',
      t.readonly(t.union([t.type({ a: t.string }), t.type({ b: t.string })])),
      { a: 1, b: 2 },
      'params.a: expected string, got 1; params.b: expected string, got 2',
    ],
    [
      'a strict type',
      t.strict({ a: t.strict({ b: t.string }) }),
      { a: { b: 1 } },
      'params.a.b: expected string, got 1',
    ],
    ['a brand', t.tuple([Positive]), [-1], 'params[0]: expected Positive, got -1'],
    ['what a brand is made of', t.tuple([Positive]), ['x'], 'params[0]: expected Positive, got "x"'],
    ['an integer', t.tuple([t.Int]), [1.5], 'params[0]: expected Int, got 1.5'],
    ['not a number', t.tuple([t.Int]), [Number.NaN], 'params[0]: expected Int, got NaN'],
    ['a record', t.record(t.string, t.number), { a: 1, b: 'x' }, 'params.b: expected number, got "x"'],
    [
      'a record of known keys',
      t.record(t.keyof({ a: null, b: null }), t.number),
      { a: 1 },
      'params.b: expected number, got nothing',
    ],
    ['a readonly array', t.readonlyArray(t.string), ['a', 1], 'params[1]: expected string, got 1'],
    [
      'a key of a set',
      t.tuple([t.keyof({ buy: null, sell: null })]),
      ['hold'],
      'params[0]: expected "buy" | "sell", got "hold"',
    ],
    ['a literal', t.tuple([t.literal('a')]), ['b'], 'params[0]: expected "a", got "b"'],
    [
      'a tree',
      Tree,
      { value: 1, children: [{ value: 'x', children: [] }] },
      'params.children[0].value: expected number, got "x"',
    ],
    [
      'a member called __proto__',
      t.record(t.string, t.number),
      JSON.parse('{"__proto__":"x"}'),
      'params.__proto__: expected number, got "x"',
    ],
    [
      'a member called constructor',
      t.type({ constructor: t.string }),
      {},
      'params.constructor: expected string, got a function',
    ],
    [
      'a type that transforms, next to it',
      t.type({ at: DateFromISOString, price: t.number }),
      { at: 'x', price: 'y' },
      'params.at: expected DateFromISOString, got "x"; params.price: expected number, got "y"',
    ],
  ];

  for (const [what, type, value, message] of wrong) {
    it(`should say where the fault is: ${what}`, () => {
      expect(told(decode(type, value, 'params'))).to.equal(message);
      expect(told(encode(type, value, 'params'))).to.equal(message);
    });
  }

  it('should name the path within a type that transforms elsewhere', () => {
    const type = t.tuple([t.type({ at: DateFromISOString, price: t.number })]);
    const value: any = [{ at: new Date(0), price: 'x' }];
    expect(told(encode(type, value, 'params'))).to.equal('params[0].price: expected number, got "x"');
    const partial = t.tuple([t.strict({ a: t.partial({ at: DateFromISOString }) })]);
    expect(told(encode(partial, [{ a: { at: 1 } }] as any, 'params'))).to.equal(
      'params[0].a.at: expected DateFromISOString, got 1',
    );
  });

  describe('an issue', () => {
    it('should have a path, what was expected and what was found', () => {
      expect(refused(decode(t.tuple([t.string]), [5], 'params'))).to.deep.equal([
        { path: 'params[0]', expected: 'string', actual: '5' },
      ]);
    });

    it('should show the type of values that JSON does not have', () => {
      for (const [value, shown] of [
        [Number.POSITIVE_INFINITY, 'Infinity'],
        [10n, '10n'],
        [10n ** 200n, `1${'0'.repeat(76)}...`],
        [() => {}, 'a function'],
        [Symbol('a'), 'Symbol(a)'],
        [{ big: 1n }, 'an object'],
        [[1n], 'an array'],
        [new Uint8Array(1_000_000), '1000000 bytes'],
        [Object.create(null), '{}'],
        [{ toJSON: () => undefined }, 'nothing'],
        [
          {
            toJSON: () => {
              throw new Error('no');
            },
          },
          'an object',
        ],
      ] as const) {
        expect(told(decode(t.string, value, 'v'))).to.equal(`v: expected string, got ${shown}`);
        expect(told(encode(t.string, value as any, 'v'))).to.equal(`v: expected string, got ${shown}`);
      }
    });

    it('should cut a long value, never between the halves of a surrogate pair', () => {
      const actual = (value: unknown) => refused(decode(t.number, value, 'v'))[0]?.actual ?? '';
      expect(actual('x'.repeat(78))).to.equal(`"${'x'.repeat(78)}"`);
      expect(actual('x'.repeat(79))).to.equal(`"${'x'.repeat(76)}...`);
      expect(actual(`${'x'.repeat(75)}💥${'x'.repeat(9)}`)).to.equal(`"${'x'.repeat(75)}...`);
      expect(actual(Array.from({ length: 1_000 }, (_, i) => i))).to.have.lengthOf(80);
      expect(actual({ nested: { list: Array.from({ length: 1_000 }, () => 'text') } })).to.have.lengthOf(80);
    });

    it('should cut a long path and a long name of a type', () => {
      const record = { ['k'.repeat(1_000_000)]: 'x' };
      const [issue] = refused(decode(t.record(t.string, t.number), record, 'params'));
      expect(issue?.path).to.equal(`params.${'k'.repeat(190)}...`);
      const named = t.refinement(t.string, () => false, 'N'.repeat(10_000));
      expect(refused(encode(named, 'a', 'params'))[0]?.expected).to.equal(`${'N'.repeat(197)}...`);
    });

    it('should be one of ten at most', () => {
      const value: any = Array.from({ length: 50 }, () => 'x');
      for (const check of [decode, encode]) {
        const found = refused(check(t.array(t.number), value, 'params'));
        expect(found.map(({ path }) => path)).to.deep.equal(
          Array.from({ length: 10 }, (_, i) => `params[${i}]`),
        );
      }
    });

    it('should take little time with a value of any size', () => {
      const value: any = Array.from({ length: 200_000 }, (_, i) => ({ symbol: `S${i}`, price: 'x' }));
      const before = process.cpuUsage();
      for (const check of [decode, encode])
        expect(refused(check(t.array(Order), value, 'params'))).to.have.lengthOf(10);
      expect(refused(decode(t.union([t.string, t.number, t.boolean]), value, 'params'))).to.have.lengthOf(3);
      // Of the processor's time: others may have it too.
      expect(process.cpuUsage(before).user).to.be.below(5_000_000);
    });
  });

  describe('explain', () => {
    it('should put all issues in one line', () => {
      expect(explain([])).to.equal('');
      expect(explain([{ path: 'params.a', expected: 'string', actual: '5' }])).to.equal(
        'params.a: expected string, got 5',
      );
      expect(explain(refused(decode(Order, { price: 'x' }, 'params')))).to.equal(
        'params.symbol: expected string, got nothing; params.price: expected number, got "x"',
      );
    });
  });

  describe('for all values', () => {
    const date = fc.date({ noInvalidDate: true });
    const order = fc.record({ symbol: fc.string(), price: fc.double({ noNaN: true }) });
    const grow = (children: fc.Arbitrary<Tree[]>): fc.Arbitrary<Tree> =>
      fc.record({ value: fc.integer(), children });
    const tree = grow(fc.array(grow(fc.array(grow(fc.constant([]))))));

    /** Types with the values they describe. */
    const described: readonly (readonly [Type, fc.Arbitrary<unknown>])[] = [
      [t.string, fc.string()],
      [t.tuple([t.string, t.number]), fc.tuple(fc.string(), fc.double())],
      [t.array(Order), fc.array(order)],
      [t.tuple([DateFromISOString]), fc.tuple(date)],
      [t.type({ at: DateFromISOString, order: Order }), fc.record({ at: date, order })],
      [
        t.partial({ at: DateFromISOString, size: t.number }),
        fc.record({ at: date, size: fc.integer() }, { requiredKeys: [] }),
      ],
      [t.strict({ at: DateFromISOString }), fc.record({ at: date })],
      [t.exact(t.intersection([Order, t.partial({ at: DateFromISOString })])), order],
      [
        t.intersection([Order, t.type({ size: t.number })]),
        fc.record({ symbol: fc.string(), price: fc.integer(), size: fc.integer() }),
      ],
      [
        t.union([t.null, t.number, Order, DateFromISOString]),
        fc.oneof(fc.constant(null), fc.integer(), order, date),
      ],
      [
        t.union([t.tuple([t.string]), t.tuple([t.string, t.number])]),
        fc.oneof(fc.tuple(fc.string()), fc.tuple(fc.string(), fc.integer())),
      ],
      [t.record(t.string, t.array(t.number)), fc.dictionary(fc.string(), fc.array(fc.integer()))],
      [t.readonlyArray(DateFromISOString), fc.array(date)],
      [t.tuple([Positive, t.Int]), fc.tuple(fc.integer({ min: 1 }), fc.integer())],
      [Tree, tree],
      [t.unknown, fc.jsonValue()],
    ];

    for (const [type, values] of described) {
      it(`should give back what was encoded: ${type.name}`, () => {
        fc.assert(
          fc.property(values, (value) => {
            const wire = passed(encode(type, value, 'params'));
            expect(passed(decode(type, wire, 'params'))).to.deep.equal(value);
            // As it comes out of JSON too, where nothing in it is lost there.
            const copied: unknown = JSON.parse(JSON.stringify(wire));
            if (JSON.stringify(copied) === JSON.stringify(wire) && isRight(type.decode(copied)))
              expect(JSON.stringify(passed(encode(type, passed(decode(type, copied, 'p')), 'p')))).to.equal(
                JSON.stringify(copied),
              );
          }),
        );
      });
    }

    const types: readonly Type[] = [
      ...described.map(([type]) => type),
      Trimmed,
      Short,
      Given,
      t.array(Short),
      t.tuple([Given]),
    ];
    const anything = fc.oneof(
      fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }),
      fc.jsonValue(),
      ...described.map(([, values]) => values),
    );

    it('should let nothing through that the type refuses, and refuse nothing else', () => {
      fc.assert(
        fc.property(fc.constantFrom(...types), anything, (type, value) => {
          const decoded = decode(type, value, 'params');
          expect(isRight(decoded)).to.equal(isRight(type.decode(value)));
          if (isRight(decoded)) expect(type.is(decoded.right)).to.equal(true);
          else expect(decoded.left).to.have.length.within(1, 10);
        }),
        { numRuns: 2_000 },
      );
    });

    it('should encode only what is of the type, and say where it is not', () => {
      fc.assert(
        fc.property(fc.constantFrom(...types), anything, (type, value) => {
          const encoded = encode(type, value, 'params');
          if (isRight(encoded)) expect(type.is(value)).to.equal(true);
          else {
            expect(encoded.left).to.have.length.within(1, 10);
            for (const { path, actual } of encoded.left) {
              expect(path).to.match(/^params/);
              expect(actual.length).to.be.at.most(200);
            }
          }
        }),
        { numRuns: 2_000 },
      );
    });

    it('should leave the prototypes alone', () => {
      const wire: unknown = JSON.parse(
        '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"symbol":"A","price":1}',
      );
      for (const type of [
        Order,
        t.strict({ symbol: t.string }),
        t.UnknownRecord,
        t.record(t.string, t.unknown),
        t.intersection([Order, t.partial({ at: DateFromISOString })]),
      ]) {
        expect(isRight(decode(type as Type, wire, 'params'))).to.equal(true);
        expect(isRight(encode(type as Type, wire, 'params'))).to.equal(true);
      }
      expect(({} as any).polluted).to.equal(undefined);
      expect((Object as any).polluted).to.equal(undefined);
    });
  });
});
