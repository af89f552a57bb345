import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { from, lastValueFrom, mergeMap } from 'rxjs';
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

/** Snippets that run at a time, each on a cluster of its own: several read by the same group. */
const AT_ONCE = 4;

describe('README', () => {
  it('should hold snippets that run as they stand and print what they say', async () => {
    const text = await readFile(`${root}/README.md`, 'utf8');
    const snippets = [...text.matchAll(/^```ts\n(.*?)^```/gms)].map((match) => match[1] as string);
    expect(snippets).to.have.length(OUTPUTS.length);
    const folder = await mkdtemp(`${root}/spec/.readme-`);
    const output = async (snippet: string, i: number) => {
      const cluster = await startEmbedded();
      try {
        const file = `${folder}/snippet-${i}.ts`;
        await writeFile(file, snippet);
        const env = { ...process.env, KAFKA_BROKERS: cluster.brokers };
        const { stdout } = await run(process.execPath, ['--import', 'tsx', file], { cwd: root, env });
        expect(stdout.trimEnd().split('\n').sort()).to.deep.equal([...(OUTPUTS[i] ?? [])].sort());
      } finally {
        await cluster.close();
      }
    };
    try {
      await lastValueFrom(from(snippets).pipe(mergeMap(output, AT_ONCE)));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
