import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { expect } from 'chai';
import { History } from '../../../src/cli/repl/history.js';
import { Terminal } from '../../../src/cli/repl/terminal.js';

/** What a screen of that width would show: the cursor's moves and erasures that readline makes, and text. */
function shownOn(columns: number, written: string): string {
  const rows: string[][] = [[]];
  let [row, column] = [0, 0];
  const tokens = written.replaceAll('\x1b', 'ESC').matchAll(/ESC\[(\d*)([A-Za-z])|[\s\S]/g);
  for (const move of tokens) {
    const [token] = move;
    const count = Number(move[1] || 1);
    if (move[2] === 'A') row = Math.max(0, row - count);
    else if (move[2] === 'G') column = count - 1;
    else if (move[2] === 'J') {
      rows.splice(row + 1);
      rows[row]?.splice(column);
    } else if (move[2] !== undefined) continue;
    else if (token === '\r') column = 0;
    else if (token === '\n') [row, column] = [row + 1, 0];
    else {
      if (column === columns) [row, column] = [row + 1, 0];
      const line = rows[row] ?? [];
      rows[row] = line;
      while (line.length < column) line.push(' ');
      line[column] = token;
      column += 1;
    }
    rows[row] ??= [];
  }
  return rows.map((line) => (line ?? []).join('')).join('\n');
}

describe('a terminal', () => {
  const open = (columns: number) => {
    const input = new PassThrough();
    const output = Object.assign(new PassThrough(), { columns, isTTY: true });
    let written = '';
    output.on('data', (data) => {
      written += data;
    });
    const lines: string[] = [];
    const terminal = new Terminal({
      input,
      output,
      colors: false,
      history: new History(''),
      prompt: () => '> ',
      complete: async () => ({ hits: [], typed: '', hint: 'a hint' }),
    });
    const ended = terminal.read(async (line) => {
      lines.push(line);
    });
    const type = async (keys: string) => {
      input.write(keys);
      await new Promise((resolve) => setTimeout(resolve, 20));
    };
    return { terminal, lines, type, ended, screen: () => shownOn(columns, written) };
  };

  it('should write above the line that is being typed, and leave it as it is', async () => {
    const { terminal, lines, type, ended, screen } = open(40);
    await type('calc add 1');
    terminal.tell('the broker is lost');
    terminal.tell('connected again');
    await type(' 2');
    expect(screen()).to.equal('the broker is lost\nconnected again\n> calc add 1 2');
    await type('\r');
    expect(lines).to.deep.equal(['calc add 1 2']);
    terminal.close();
    await ended;
  });

  it('should do so where that line has several rows', async () => {
    const { terminal, lines, type, ended, screen } = open(10);
    await type('abcdefghijklmnopqrst');
    terminal.tell('told');
    await type('uv');
    terminal.tell('told again');
    expect(screen().replace(/\n+$/, '')).to.equal('told\ntold again\n> abcdefgh\nijklmnopqr\nstuv');
    await type('\r');
    expect(lines).to.deep.equal(['abcdefghijklmnopqrstuv']);
    terminal.close();
    await ended;
  });

  it('should show a hint above the line', async () => {
    const { terminal, type, ended, screen } = open(40);
    await type('calc add ');
    await type('\t');
    expect(screen()).to.equal('a hint\n> calc add ');
    terminal.close();
    await ended;
  });

  it('should run lines that were pasted one after the other', async () => {
    const { terminal, lines, type, ended } = open(40);
    await type('one\rtwo\rthree\r');
    expect(lines).to.deep.equal(['one', 'two', 'three']);
    terminal.close();
    await ended;
  });

  it('should drop a line at a Ctrl-C that comes with its Enter, and stay', async () => {
    const { terminal, lines, type, ended, screen } = open(40);
    await type('calc hang\r\x03');
    expect([lines, screen().endsWith('\n> ')]).to.deep.equal([[], true]);
    await type('calc add 1\r');
    expect(lines).to.deep.equal(['calc add 1']);
    terminal.close();
    await ended;
  });

  it('should write a console above the line, too', async () => {
    const { terminal, type, ended, screen } = open(40);
    await type('calc');
    terminal.console().log('from a handler %d', 5);
    await type(' a');
    expect(stripVTControlCharacters(screen())).to.equal('from a handler 5\n> calc a');
    terminal.close();
    await ended;
  });
});
