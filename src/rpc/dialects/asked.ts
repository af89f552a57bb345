/** A plain body with a method's name, as the JSON-RPC message that it stands for. */

/** An array or an object is the params, anything else the only one of them; `undefined` is none. */
export function asked(
  method: string,
  value: unknown,
  id: string | undefined,
  headers: Readonly<Record<string, string>> | undefined,
): object {
  return {
    jsonrpc: '2.0',
    method,
    ...(value === undefined
      ? undefined
      : { params: typeof value === 'object' && value !== null ? value : [value] }),
    ...(id === undefined ? undefined : { id }),
    ...(headers === undefined ? undefined : { meta: { headers } }),
  };
}
