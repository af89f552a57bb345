/** Three members of a group that come and leave while records flow, some cleanly, some killed; and what they did. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { lastValueFrom } from 'rxjs';
import { connect, type ReadOptions } from '../../src/index.js';
import { brokers, unique } from './brokers.js';

const program = fileURLToPath(new URL('./churn-member.ts', import.meta.url));
const MEMBERS = 3;
/** Milliseconds between two portions of records, from one leave to the next, and for what is left at the end. */
const PORTION = 100;
const REST = 60_000;

export interface Plan {
  readonly records: number;
  /** Over which the records are spread. */
  readonly seconds: number;
  /** Milliseconds from one leave to the next. */
  readonly every: number;
  /** Every second member that goes is killed. */
  readonly kills: boolean;
  readonly options: ReadOptions;
}

export interface Figures {
  readonly left: number;
  readonly killed: number;
  readonly lost: number;
  /** Times that a record was worked on beyond its first. */
  readonly duplicates: number;
  /** Of those: what came before was not the work of a member that was killed. */
  readonly unexplained: number;
  /** Records that were not acked in time at a hand-over, as members tell. */
  readonly unfinished: number;
  readonly errors: readonly string[];
  readonly seconds: number;
}

export async function churn({ records, seconds, every, kills, options }: Plan): Promise<Figures> {
  const begin = Date.now();
  const folder = mkdtempSync(join(tmpdir(), 'callstream-churn-'));
  const file = join(folder, 'done');
  const work = new Work(file);
  const connection = await connect({ brokers, onIssue: () => {} });
  const topic = connection.topic(unique('churn'));
  await topic.create({ partitions: 6 });
  const errors: string[] = [];
  let unfinished = 0;
  let count = 0;
  const start = async () => {
    const id = count++;
    const settings = JSON.stringify({ group: `${topic.name}.group`, ...options });
    const child = fork(program, [brokers, topic.name, String(id), file, settings], {
      execArgv: ['--import', 'tsx'],
    });
    child.on('message', (told: { unfinished?: number; error?: string }) => {
      unfinished += told.unfinished ?? 0;
      if (told.error !== undefined) errors.push(told.error);
    });
    child.on('exit', (code) => code && errors.push(`member ${id} ended with ${code}`));
    return { id, child };
  };
  const publish = async () => {
    const from = Date.now();
    for (let sent = 0; sent < records; await sleep(PORTION)) {
      const due = Math.min(records, Math.ceil((records * (Date.now() - from + PORTION)) / seconds / 1_000));
      await lastValueFrom(topic.publishAll(numbers(sent, due)));
      sent = due;
    }
  };
  const members = await Promise.all(Array.from({ length: MEMBERS }, start));
  const killed = new Set<number>();
  let left = 0;
  try {
    await Promise.all(members.map(({ child }) => once(child, 'message')));
    let flowing = true;
    const flow = publish().finally(() => {
      flowing = false;
    });
    while (flowing) {
      await Promise.race([sleep(every), flow]);
      if (!flowing) break;
      const { id, child } = members.shift() as (typeof members)[number];
      if (kills && killed.size <= left) {
        killed.add(id);
        child.kill('SIGKILL');
      } else {
        left += 1;
        await leave(child);
      }
      members.push(await start());
    }
    await flow;
    for (const end = Date.now() + REST; work.read() < records && Date.now() < end; ) await sleep(100);
    await Promise.all(members.map(({ child }) => leave(child)));
    work.read();
  } finally {
    for (const { child } of members) child.kill('SIGKILL');
    await connection.close();
    work.close();
    rmSync(folder, { recursive: true });
  }
  return {
    left,
    killed: killed.size,
    lost: records - work.byRecord.size,
    ...work.duplicates(killed),
    unfinished,
    errors,
    seconds: Math.round((Date.now() - begin) / 1_000),
  };
}

async function leave(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.send('leave');
  await once(child, 'exit');
}

/** What the members wrote down, read as it grows. */
class Work {
  /** Who worked on each record, in order. */
  readonly byRecord = new Map<string, number[]>();
  readonly #file: number;
  readonly #chunk = Buffer.alloc(1 << 20);
  #rest = '';

  constructor(file: string) {
    this.#file = openSync(file, 'a+');
  }

  /** How many records were worked on. */
  read(): number {
    for (;;) {
      const size = readSync(this.#file, this.#chunk);
      if (size === 0) return this.byRecord.size;
      const lines = (this.#rest + this.#chunk.toString('latin1', 0, size)).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) {
        const [member, value = ''] = line.split(' ');
        const by = this.byRecord.get(value);
        if (by === undefined) this.byRecord.set(value, [Number(member)]);
        else by.push(Number(member));
      }
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  duplicates(killed: ReadonlySet<number>): Pick<Figures, 'duplicates' | 'unexplained'> {
    const before = [...this.byRecord.values()].flatMap((by) => by.slice(0, -1));
    return { duplicates: before.length, unexplained: before.filter((id) => !killed.has(id)).length };
  }
}

function* numbers(from: number, to: number): Generator<number> {
  for (let i = from; i < to; i += 1) yield i;
}
