/** The plan of the house, kept by looking at what the sources import (design: the house). */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface Import {
  readonly from: string;
  /** As it is written. */
  readonly specifier: string;
  /** A file of src, or a package's name. */
  readonly to: string;
  readonly type: boolean;
  readonly line: number;
}

const shown = ({ from, line, specifier, type }: Import): string =>
  `${from}:${line} ${type ? 'imports the type' : 'imports'} ${JSON.stringify(specifier)}`;

const files: readonly string[] = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => `src/${name.replaceAll('\\', '/')}`)
  .sort();

const text = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

const imports: readonly Import[] = files.flatMap((file) => importsOf(file, text(file)));

/** Imports, re-exports, `import()` in code and in types, `require()`. */
function importsOf(from: string, source: string): readonly Import[] {
  const found: Import[] = [];
  const tree = ts.createSourceFile(from, source, ts.ScriptTarget.Latest, true);
  const add = (node: ts.Node, specifier: ts.Node | undefined, type: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    const line = tree.getLineAndCharacterOfPosition(node.getStart()).line + 1;
    found.push({ from, specifier: specifier.text, to: target(from, specifier.text), type, line });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier, onlyTypes(node.importClause));
    else if (ts.isExportDeclaration(node)) add(node, node.moduleSpecifier, onlyTypes(node));
    else if (ts.isImportTypeNode(node)) add(node, (node.argument as ts.LiteralTypeNode).literal, true);
    else if (ts.isExternalModuleReference(node)) add(node, node.expression, false);
    else if (ts.isCallExpression(node) && loads(node.expression)) add(node, node.arguments[0], false);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

/** `import()`, `require()`, `require.resolve()`. */
function loads(callee: ts.Expression): boolean {
  if (callee.kind === ts.SyntaxKind.ImportKeyword) return true;
  if (ts.isPropertyAccessExpression(callee)) return loads(callee.expression);
  return ts.isIdentifier(callee) && callee.text === 'require';
}

function onlyTypes(clause: ts.ImportClause | ts.ExportDeclaration | undefined): boolean {
  if (clause === undefined) return false;
  if (ts.isExportDeclaration(clause)) {
    const { exportClause, isTypeOnly } = clause;
    if (isTypeOnly || exportClause === undefined || !ts.isNamedExports(exportClause)) return isTypeOnly;
    return exportClause.elements.every((element) => element.isTypeOnly);
  }
  const { name, namedBindings } = clause;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  if (name !== undefined || namedBindings === undefined || !ts.isNamedImports(namedBindings)) return false;
  return namedBindings.elements.every((element) => element.isTypeOnly);
}

function target(from: string, specifier: string): string {
  if (specifier.startsWith('.')) return normalize(join(dirname(from), specifier)).replace(/\.js$/, '.ts');
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

const inside = ({ to }: Import): boolean => to.startsWith('src/');

/** Fails with all that was found. */
function none(found: readonly string[]): void {
  if (found.length > 0) throw new Error(`\n${found.join('\n')}`);
}

const broken = (wrong: (one: Import) => boolean | string | undefined): readonly string[] =>
  imports.flatMap((one) => {
    const why = wrong(one);
    return why === true ? [shown(one)] : why ? [`${shown(one)}: ${why}`] : [];
  });

/** The floors, from the top; what is on one floor in several rooms stays apart. */
const HOUSE: readonly (readonly RegExp[])[] = [
  [/^src\/index\.ts$/, /^src\/cli\//],
  [/^src\/(connection|connection-settings|options)\.ts$/, /^src\/operators(\.ts$|\/)/, /^src\/testing\//],
  [/^src\/rpc\//],
  [/^src\/contract\.ts$/],
  [/^src\/jsonrpc\//, /^src\/kafka\//],
  [/^src\/(clock|acknowledgeable|deferred|known|shown)\.ts$/],
];

const floorOf = (file: string): number => HOUSE.findIndex((rooms) => rooms.some((room) => room.test(file)));
const roomOf = (file: string): RegExp | undefined => HOUSE.flat().find((room) => room.test(file));

describe('architecture', () => {
  it('should have read the sources', () => {
    none(
      files.length > 30 && imports.length > 100 ? [] : [`${files.length} files, ${imports.length} imports`],
    );
    none(broken((one) => inside(one) && !existsSync(join(ROOT, one.to)) && 'there is no such file'));
    none(broken((one) => one.specifier.startsWith('.') && !inside(one) && 'it is outside of src'));
  });

  it('should have a place for every file', () => {
    none(files.filter((file) => floorOf(file) < 0).map((file) => `${file} has no place in the plan`));
  });

  it('should import down only', () => {
    none(
      broken((one) => {
        if (!inside(one) || roomOf(one.from) === roomOf(one.to)) return undefined;
        const [above, below] = [floorOf(one.from), floorOf(one.to)];
        if (above === below && !/^src\/cli\//.test(one.from)) return 'it is on the same floor';
        return above > below && 'it is above';
      }),
    );
  });

  it('should keep records and messages apart: jsonrpc and kafka meet in rpc only', () => {
    const room = (file: string) => /^src\/(jsonrpc|kafka)\//.exec(file)?.[1];
    none(
      broken(({ from, to }) => {
        const [here, there] = [room(from), room(to)];
        return here !== undefined && there !== undefined && here !== there;
      }),
    );
  });

  it('should keep client and server apart, through others too', () => {
    const [client, server] = ['src/rpc/client.ts', 'src/rpc/server.ts'];
    none([path(client, server), path(server, client)].filter((way) => way !== undefined));
  });

  it('should import node-rdkafka in src/kafka/librdkafka*.ts only', () => {
    const allowed = (file: string) => /^src\/kafka\/librdkafka[^/]*\.ts$/.test(file);
    none(broken(({ from, to }) => to === 'node-rdkafka' && !allowed(from)));
    // Whatever it is loaded with, its name has to be written down.
    none(
      files
        .filter((file) => !allowed(file) && names(file, 'node-rdkafka'))
        .map((file) => `${file} names node-rdkafka`),
    );
  });

  it('should have neither RxJS nor Kafka in jsonrpc', () => {
    const allowed = /^(node:.+|fp-ts|@msgpack\/msgpack|src\/jsonrpc\/.+)$/;
    none(broken(({ from, to }) => from.startsWith('src/jsonrpc/') && !allowed.test(to)));
  });

  it('should use only index.ts in cli, and cli nowhere', () => {
    const cli = (file: string) => file.startsWith('src/cli/');
    none(broken((one) => cli(one.from) && inside(one) && !cli(one.to) && one.to !== 'src/index.ts'));
    none(broken((one) => !cli(one.from) && cli(one.to)));
  });

  it('should use only the port, its hash, its rule for commits and the clock in testing', () => {
    const testing = (file: string) => file.startsWith('src/testing/');
    const allowed = /^src\/(testing\/.+|kafka\/(port|murmur2|assigned)\.ts|clock\.ts)$/;
    none(broken((one) => testing(one.from) && inside(one) && !allowed.test(one.to)));
    none(broken((one) => !testing(one.from) && testing(one.to)));
  });

  it('should have nothing but the clock below the port', () => {
    none(broken(({ from, to }) => from === 'src/kafka/port.ts' && !['src/clock.ts', 'rxjs'].includes(to)));
    none(broken(({ from }) => from === 'src/clock.ts'));
  });

  it('should import only packages that an installation has', () => {
    const { dependencies, peerDependencies } = JSON.parse(text('package.json'));
    const installed = new Set([...Object.keys(dependencies), ...Object.keys(peerDependencies)]);
    none(broken((one) => !inside(one) && !one.to.startsWith('node:') && !installed.has(one.to)));
  });

  it('should have no cycle of imports', () => {
    none(cycles());
  });

  describe('the size of files', () => {
    const sizes = files
      .map((file) => ({ file, lines: text(file).split('\n').length - 1 }))
      .sort((a, b) => b.lines - a.lines);
    const over = (most: number) =>
      sizes.filter(({ lines }) => lines > most).map(({ file, lines }) => `${file}: ${lines}`);

    it('should be 300 lines at most', () => {
      none(over(300));
    });

    it(`should be looked at twice from 200 lines: ${over(200).join(', ') || 'none'}`, () => {});
  });

  describe('public exports', () => {
    it('should all have a doc comment', () => {
      none(undocumented(['src/index.ts', 'src/testing/index.ts']));
    });
  });

  describe('importsOf', () => {
    const read = (source: string) =>
      importsOf('src/rpc/a.ts', source).map(({ to, type }) => (type ? `type ${to}` : to));

    for (const [source, ...expected] of [
      ["import './b.js';", 'src/rpc/b.ts'],
      ["import * as b from '../b.js';", 'src/b.ts'],
      ["import b from 'fp-ts/lib/Either.js';", 'fp-ts'],
      ["import b, { type C } from '@msgpack/msgpack/x';", '@msgpack/msgpack'],
      ["import type { B } from './b.js';", 'type src/rpc/b.ts'],
      ["import type B from './b.js';", 'type src/rpc/b.ts'],
      ["import { type B, type C } from './b.js';", 'type src/rpc/b.ts'],
      ["import { type B, c } from './b.js';", 'src/rpc/b.ts'],
      ["export * from './b.js';", 'src/rpc/b.ts'],
      ["export * as b from './b.js';", 'src/rpc/b.ts'],
      ["export type * from './b.js';", 'type src/rpc/b.ts'],
      ["export { type B } from './b.js';", 'type src/rpc/b.ts'],
      ["export { b } from './b.js';", 'src/rpc/b.ts'],
      ["export const b = await import('node-rdkafka');", 'node-rdkafka'],
      ["export let b: import('node-rdkafka').B;", 'type node-rdkafka'],
      ["import b = require('node-rdkafka');", 'node-rdkafka'],
      ["const b = require('node-rdkafka/lib');", 'node-rdkafka'],
      ["const b = require.resolve('node-rdkafka');", 'node-rdkafka'],
      ["// import './b.js';\nconst b = \"import './b.js'\";"],
    ] as const) {
      it(`should find what is imported by ${source}`, () => {
        none(read(source).join() === expected.join() ? [] : [`${read(source)}`]);
      });
    }
  });
});

const names = (file: string, name: string): boolean => {
  const visit = (node: ts.Node): boolean =>
    (ts.isStringLiteralLike(node) && (node.text === name || node.text.startsWith(`${name}/`))) ||
    (ts.forEachChild(node, (child) => visit(child) || undefined) ?? false);
  return visit(ts.createSourceFile(file, text(file), ts.ScriptTarget.Latest, true));
};

const shownStep = ({ from, line, type }: Import): string => `${from}:${line}${type ? ' (type)' : ''}`;

/** The shortest way of imports from one file to another. */
function path(from: string, to: string): string | undefined {
  const seen = new Set([from]);
  let ways: (readonly Import[])[] = [[]];
  while (ways.length > 0) {
    const next: (readonly Import[])[] = [];
    for (const way of ways) {
      for (const step of imports) {
        if (step.from !== (way.at(-1)?.to ?? from)) continue;
        if (step.to === to) return [...[...way, step].map(shownStep), to].join(' → ');
        if (seen.has(step.to)) continue;
        seen.add(step.to);
        next.push([...way, step]);
      }
    }
    ways = next;
  }
  return undefined;
}

/** The shortest cycle through each file that is in one, each cycle once. */
function cycles(): readonly string[] {
  const found = new Map<string, string>();
  for (const file of files) {
    const cycle = path(file, file);
    if (cycle === undefined) continue;
    const members = cycle.match(/src\/[^: ]+/g) ?? [];
    const key = [...new Set(members)].sort().join();
    if (!found.has(key)) found.set(key, cycle);
  }
  return [...found.values()];
}

/** What an entry exports without a doc comment, with the place where it is declared. */
function undocumented(entries: readonly string[]): readonly string[] {
  const program = ts.createProgram(
    entries.map((entry) => join(ROOT, entry)),
    {
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2023,
      noLib: true,
      types: [],
      skipLibCheck: true,
    },
  );
  const checker = program.getTypeChecker();
  return entries.flatMap((entry) => {
    const source = program.getSourceFile(join(ROOT, entry));
    const module = source && checker.getSymbolAtLocation(source);
    if (module === undefined) throw new Error(`${entry} exports nothing`);
    return checker.getExportsOfModule(module).flatMap((symbol) => {
      const meant = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      if (ts.displayPartsToString(meant.getDocumentationComment(checker)).trim() !== '') return [];
      const place = meant.declarations?.[0];
      const file = place?.getSourceFile();
      const line = file && place ? file.getLineAndCharacterOfPosition(place.getStart()).line + 1 : 0;
      return [
        `${entry} exports ${symbol.name} without a doc comment (${file?.fileName.slice(ROOT.length)}:${line})`,
      ];
    });
  });
}
