/** Where in the user's own code an error arose: that part of its stack, without callstream's, its packages' and Node's. */

const own = new URL('..', import.meta.url).pathname;

export function userFrames(error: unknown): string[] {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  return stack
    .split('\n')
    .filter(
      (line) => /^ {4}at /.test(line) && !line.includes(own) && !/node:|\/node_modules\//.test(named(line)),
    )
    .map(named);
}

/** tsx runs a TypeScript file without `"type": "module"` from a data: URL that holds all of it. */
function named(frame: string): string {
  return frame.replace(
    /data:text\/javascript,__filename%3D%22(.*?)%22.*?(\)?)$/,
    (_, file, end) => `${decodeURIComponent(file)}${end}`,
  );
}
