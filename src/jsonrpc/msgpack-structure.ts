/**
 * A walk over MessagePack bytes before they are decoded. Above: msgpack.ts.
 *
 * The decoder allocates an array of the length its header claims and grows its stack with the depth, so a few
 * bytes could cost gigabytes. Here every claim is held against the bytes that are left, in linear time and
 * constant memory.
 */
import { isUtf8 } from 'node:buffer';

/** How deep arrays and maps may nest, in what is read and in what is written. */
export const maxDepth = 1_000;

/** The only extension type allowed: -1, the timestamp. */
const timestamp = 0xff;

/** For the type bytes 0xc0 to 0xdf: the bytes after it that are not counted by a length; -1 is no type. */
const fixedSize = [
  ...[0, -1, 0, 0], // nil, never used, false, true
  ...[0, 0, 0], // bin 8, 16, 32
  ...[1, 1, 1], // ext 8, 16, 32: the type
  ...[4, 8], // float 32, 64
  ...[1, 2, 4, 8], // uint 8, 16, 32, 64
  ...[1, 2, 4, 8], // int 8, 16, 32, 64
  ...[2, 3, 5, 9, 17], // fixext 1, 2, 4, 8, 16: the type and the data
  ...[0, 0, 0], // str 8, 16, 32
  ...[0, 0, 0, 0], // array 16, 32, map 16, 32
];

/** For the type bytes 0xc0 to 0xdf: how many bytes the length takes. */
const lengthSize = [
  ...[0, 0, 0, 0],
  ...[1, 2, 4],
  ...[1, 2, 4],
  ...[0, 0],
  ...[0, 0, 0, 0],
  ...[0, 0, 0, 0],
  ...[0, 0, 0, 0, 0],
  ...[1, 2, 4],
  ...[2, 4, 2, 4],
];

const isExtension = (type: number): boolean =>
  (type >= 0xc7 && type <= 0xc9) || (type >= 0xd4 && type <= 0xd8);

const readLength = (bytes: Uint8Array, at: number, size: number): number => {
  let length = 0;
  for (let index = at; index < at + size; index++) length = length * 256 + (bytes[index] as number);
  return length;
};

/** Short ASCII, which most strings are, is checked without a call into native code. */
const isText = (bytes: Uint8Array, start: number, end: number): boolean => {
  if (end - start <= 32) {
    let at = start;
    while (at < end && (bytes[at] as number) < 0x80) at++;
    if (at === end) return true;
  }
  return isUtf8(bytes.subarray(start, end));
};

/** How many values of each open array or map are left. Reused: a walk never yields. */
const open = new Float64Array(maxDepth);

/**
 * Says what is wrong with the bytes and where; `undefined` if they are one well-formed value and nothing
 * else.
 */
export const malformed = (bytes: Uint8Array): string | undefined => {
  const size = bytes.length;
  let at = 0;
  let depth = 0;
  let left = 1; // values left in the innermost array or map
  let owed = 1; // values left in all of them: each takes a byte at least
  for (;;) {
    while (left === 0) {
      if (depth === 0) return at === size ? undefined : `${size - at} bytes after the value, at byte ${at}`;
      left = open[--depth] as number;
    }
    left--;
    owed--;
    const start = at;
    if (at >= size) return `truncated: a value is missing at byte ${at}`;
    const type = bytes[at++] as number;
    if (type < 0x80 || type >= 0xe0) continue;
    let values = 0;
    let text = 0;
    if (type < 0x90) values = 2 * (type - 0x80);
    else if (type < 0xa0) values = type - 0x90;
    else if (type < 0xc0) text = type - 0xa0;
    else {
      const fixed = fixedSize[type - 0xc0] as number;
      if (fixed < 0) return `byte ${start} is 0xc1, which is no MessagePack type`;
      const header = lengthSize[type - 0xc0] as number;
      if (at + header + fixed > size) return `truncated: the value at byte ${start} is cut off`;
      const length = readLength(bytes, at, header);
      at += header;
      if (isExtension(type) && bytes[at] !== timestamp) {
        return `extension type ${((bytes[at] as number) << 24) >> 24} at byte ${start}: only timestamps (-1) are read`;
      }
      at += fixed;
      if (type >= 0xde) values = 2 * length;
      else if (type >= 0xdc) values = length;
      else if (type >= 0xd9) text = length;
      else at += length;
    }
    if (at + text > size) return `truncated: the value at byte ${start} is cut off`;
    if (text > 0) {
      if (!isText(bytes, at, at + text)) return `invalid UTF-8 in the string at byte ${start}`;
      at += text;
    } else if (values > 0) {
      owed += values;
      if (owed > size - at) return `byte ${start} claims ${values} values, ${size - at} bytes are left`;
      if (depth === maxDepth) return `nested more than ${maxDepth} deep at byte ${start}`;
      open[depth++] = left;
      left = values;
    }
  }
};
