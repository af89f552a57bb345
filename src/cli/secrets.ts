/**
 * What is not shown unless it is asked for: the values of headers and members whose names say that they are credentials,
 * and values that look like one whatever their name is. Other data is shown as it is.
 */

export const HIDDEN = '[hidden]';

const NAME =
  /authori[sz]ation|authentication|token|secret|passw|passphrase|pwd|cookie|credential|session-?_?id|api-?_?key|private-?_?key|^x-auth|^jwt$/i;
/** An HTTP credential, or a JSON Web Token. */
const VALUE = /^(bearer|basic|digest|negotiate) +\S|^eyJ[\w-]{8,}\.[\w-]+\./i;

/** What stands for the text of such a name. */
export function withoutSecret(name: string, text: string): string {
  return NAME.test(name) || VALUE.test(text) ? HIDDEN : text;
}
