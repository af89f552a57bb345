/** How an entry looks: a line for a person, or JSON for a program. Both without secrets, unless they are asked for. */
import { styleText } from 'node:util';
import { cut } from '../columns.js';
import { idOf, type Message } from '../decoded.js';
import { line, shown } from '../output.js';
import { withoutSecret } from '../secrets.js';
import type { Entry } from './entry.js';

type Style = Parameters<typeof styleText>[0];

export interface LookOptions {
  readonly secrets: boolean;
  readonly colours: boolean;
  /** Of the terminal; undefined where nothing is cut. */
  readonly columns: number | undefined;
}

export class Look {
  readonly #options: LookOptions;

  constructor(options: LookOptions) {
    this.#options = options;
  }

  /** Its value as text: what is searched, and shown. */
  text({ content }: Entry): string {
    const { as, value } = content;
    if (as === 'tombstone') return '(tombstone)';
    if (as === 'bytes') return `0x${value.toString('hex')}`;
    return as === 'text' ? value : this.#json(value);
  }

  line(entry: Entry): string {
    const { record, key, message, index } = entry;
    const place = `${record.partition}@${record.offset}${index === undefined ? '' : `[${index}]`}`;
    const parts: (readonly [text: string, style?: Style])[] = [
      [`${clock(record.timestamp)} ${place}`, 'dim'],
    ];
    if (key !== null)
      parts.push([`key=${typeof key === 'string' ? key : `0x${key.toString('hex')}`}`, 'cyan']);
    if (message !== undefined) parts.push([head(message), message.error === undefined ? 'bold' : 'red']);
    parts.push([message === undefined ? this.text(entry) : this.#body(message)]);
    return `${this.#fitted(parts.map(([text, style]) => [oneLine(text), style]))}\n`;
  }

  /** With all headers; bytes are in base64. */
  json({ record, key, headers, content, index }: Entry): string {
    const { topic, partition, offset, timestamp } = record;
    const shownHeaders: Record<string, unknown> = Object.create(null);
    for (const [name, value] of headers) {
      const before = shownHeaders[name];
      const item = this.#hide(name, value);
      shownHeaders[name] = before === undefined ? item : [before, item].flat();
    }
    const time = new Date(timestamp).toISOString();
    const place = { topic, partition, offset, index };
    return line(
      { ...place, time, key, headers: shownHeaders, as: content.as, value: content.value },
      this.#hide,
    );
  }

  #body({ method, params, result, error }: Message): string {
    if (method === undefined) return this.#json(error ?? result);
    return params === undefined ? '' : this.#json(params);
  }

  #json(value: unknown): string {
    return line(value, this.#hide).trimEnd();
  }

  readonly #hide = (name: string, value: unknown): unknown =>
    this.#options.secrets || typeof value !== 'string' ? value : withoutSecret(name, value);

  /** The whole is cut before it is coloured: a cut within a style would leave the terminal in it. */
  #fitted(parts: readonly (readonly [text: string, style?: Style | undefined])[]): string {
    const { columns, colours } = this.#options;
    const spaced = parts.filter(([text]) => text !== '');
    const whole = spaced.map(([text]) => text).join(' ');
    const fitting = columns === undefined ? whole : cut(whole, columns);
    if (!colours) return fitting;
    let at = 0;
    return spaced
      .map(([text, style]) => {
        const piece = fitting.slice(at, at + text.length + 1);
        at += text.length + 1;
        return style === undefined || piece === ''
          ? piece
          : styleText(style, piece, { validateStream: false });
      })
      .join('');
  }
}

function head(message: Message): string {
  const id = idOf(message);
  const call = id === undefined ? '' : `#${String(id)}`;
  if (message.method !== undefined) return `${String(message.method)} ${call}`.trimEnd();
  return `${call} ${message.error === undefined ? 'result' : 'error'}`;
}

/** Local time; with its day where that isn't today. */
function clock(timestamp: number): string {
  const date = new Date(timestamp);
  const two = (value: number) => String(value).padStart(2, '0');
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const fraction = String(date.getMilliseconds()).padStart(3, '0');
  const today = date.toDateString() === new Date().toDateString();
  const day = today ? '' : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} `;
  return `${day}${time}.${fraction}`;
}

function oneLine(text: string): string {
  return shown(text).replace(/[\n\t]/g, (character) => (character === '\n' ? '\\n' : '\\t'));
}
