/** How an entry looks: a line for a person, or JSON for a program. Both without secrets, unless they are asked for. */
import { fitted, type Part, type Width } from '../columns.js';
import { idOf, type Message, named } from '../decoded.js';
import { isoMoment, shownMoment } from '../moment.js';
import { line } from '../output.js';
import { withoutSecret } from '../secrets.js';
import type { Entry } from './entry.js';

export class Look {
  readonly #secrets: boolean;
  readonly #width: Width;

  constructor(secrets: boolean, width: Width) {
    this.#secrets = secrets;
    this.#width = width;
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
    const parts: Part[] = [[`${shownMoment(record.timestamp)} ${place}`, 'dim']];
    if (key !== null)
      parts.push([`key=${typeof key === 'string' ? key : `0x${key.toString('hex')}`}`, 'cyan']);
    if (message !== undefined) parts.push([head(message), message.error === undefined ? 'bold' : 'red']);
    parts.push([message === undefined ? this.text(entry) : this.#body(message)]);
    return `${fitted(parts, this.#width)}\n`;
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
    const time = isoMoment(timestamp);
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
    this.#secrets || typeof value !== 'string' ? value : withoutSecret(name, value);
}

function head(message: Message): string {
  const id = idOf(message);
  const call = id === undefined ? '' : `#${id}`;
  if (message.method !== undefined) return `${named(message.method)} ${call}`.trimEnd();
  return `${call} ${message.error === undefined ? 'result' : 'error'}`;
}
