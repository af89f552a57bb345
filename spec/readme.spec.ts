import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { startEmbedded } from '../src/index.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

/** What each snippet prints, in order. */
const OUTPUTS: readonly (readonly string[])[] = [
  ['RPC hi!'],
  ['4', '4', '5', '6', 'login', "[ { _tag: 'Right', right: 4 }, { _tag: 'Right', right: 4 } ]"],
  ['booked A-1'],
  ['404 No tea on the menu'],
  ['0.2', '0.7'],
  ["add { type: 'number' }", '{ running: 0, queued: 0, streams: 0 }'],
  ['hi', 'Unauthorized'],
  ['a 1', 'bcd 3', 'ef 2'],
  ['3'],
  ["{ id: 'a', euros: 5 }", 'charged a'],
  ['orders-at { id: 1 }', 'orders-de { id: 1 }'],
  ['1 order, 1 invoice'],
  ['slow.nap: no answer within 3600000 ms'],
];

describe('README', () => {
  it('should hold snippets that run as they stand and print what they say', async () => {
    const text = await readFile(`${root}/README.md`, 'utf8');
    const snippets = [...text.matchAll(/^```ts\n(.*?)^```/gms)].map((match) => match[1] as string);
    expect(snippets).to.have.length(OUTPUTS.length);
    const cluster = await startEmbedded();
    const folder = await mkdtemp(`${root}/spec/.readme-`);
    try {
      const outputs = await Promise.all(
        snippets.map(async (snippet, i) => {
          const file = `${folder}/snippet-${i}.ts`;
          await writeFile(file, snippet);
          const env = { ...process.env, KAFKA_BROKERS: cluster.brokers };
          const { stdout } = await run(process.execPath, ['--import', 'tsx', file], { cwd: root, env });
          return stdout.trimEnd().split('\n');
        }),
      );
      for (const [i, output] of outputs.entries()) {
        expect([...output].sort()).to.deep.equal([...(OUTPUTS[i] ?? [])].sort());
      }
    } finally {
      await rm(folder, { recursive: true });
      await cluster.close();
    }
  });
});
