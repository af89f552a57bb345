/** What stands below the options in the help of the program and of each command. */

const CALL_CODES = `
Exit codes:
  0  done
  1  the call failed: the error's code, message and data are on stderr
  2  usage: an option, a param, a module or a config file is not as it should be
  3  no answer in time: the call may have run, unless "not sent" is said
  4  no broker: none given or found, unreachable, or it refuses
  130  Ctrl-C before it was done`;

const BROKERS = `

Brokers are taken from --brokers, else the config file's bootstrap.servers, else
KAFKA_BROKERS, else a running \`callstream broker\` of the same user.`;

/** Examples, each without the program's name, then the exit codes: those of a call, unless others are given. */
export function after(examples: readonly string[], codes = CALL_CODES): string {
  return ['', 'Examples:', ...examples.map((line) => `  $ callstream ${line}`), codes]
    .join('\n')
    .concat(BROKERS);
}
