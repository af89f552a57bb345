/** The commands that serve a module in this process: `serve`, `stop`. */
import { statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import type { Server } from '../../index.js';
import { shownTime } from '../figures.js';
import { loadTarget } from '../module.js';
import { UsageError } from '../usage-error.js';
import type { ShellCommand } from './command.js';

/** Servers of one shell: each is a member of a group, with threads of its own. */
const MAX_SERVERS = 32;

export const serve: ShellCommand = {
  name: 'serve',
  words: 'MODULE [as NAME]',
  summary: "serve a module's functions, here",
  more: `MODULE is a .js, .mjs, .cjs or .ts file; without a NAME, the service has the file's. After \`stop\`
it can be served again, and is loaded anew where it has changed.`,
  places: ['file'],
  async run(session, [file, as, name, ...rest], signal) {
    if (file === undefined || rest.length > 0 || (as !== undefined && (as.text !== 'as' || !name))) {
      throw new UsageError('expected serve MODULE, or serve MODULE as NAME');
    }
    const service = name?.text ?? basename(file.text, extname(file.text));
    const { connection, servers, catalogue, screen, interop } = session;
    if (servers.has(service)) throw new UsageError(`${service} is being served: \`stop ${service}\` first`);
    if (servers.size >= MAX_SERVERS) throw new UsageError(`${MAX_SERVERS} services are being served`);
    const target = await loadTarget(file.text, statSync(file.text, { throwIfNoEntry: false })?.mtimeMs);
    const begun = performance.now();
    const opening = UsageError.from(() => connection.serve(service, target, { interop }));
    const server = await unlessAborted(opening, signal);
    if (server === undefined) {
      // It may take until the broker is back, and then nobody wants it any more.
      opening.then((late) => late.close()).catch(() => {});
      screen.remark('cancelled');
      return;
    }
    servers.set(service, server);
    catalogue.add(service);
    catalogue.forget(service);
    screen.remark(`ready ${service}, ${shownTime(performance.now() - begun)}`);
  },
};

export const stop: ShellCommand = {
  name: 'stop',
  words: 'NAME',
  summary: 'stop what `serve` has started',
  more: 'Running calls finish, for 5 s.',
  places: ['served'],
  async run({ servers, catalogue, screen }, [name, ...rest]) {
    if (name === undefined || rest.length > 0) throw new UsageError('expected stop NAME');
    const server = servers.get(name.text);
    if (server === undefined) {
      const known = [...servers.keys()].join(', ');
      throw new UsageError(`${name.text} isn't served here${known === '' ? '' : `: expected ${known}`}`);
    }
    servers.delete(name.text);
    await server.close();
    catalogue.forget(name.text);
    screen.remark(`stopped ${name.text}`);
  },
};

/** Undefined where the signal comes first. */
function unlessAborted(opening: Promise<Server>, signal: AbortSignal): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const abort = () => resolve(undefined);
    signal.addEventListener('abort', abort, { once: true });
    opening.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
