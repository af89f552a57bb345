/**
 * The errors that cross the wire (JSON-RPC 2.0, section 5.1).
 *
 * Above: message.ts puts an error object into a Response; the server turns what a handler throws into one
 * with `RpcError.from`, the client turns one back with `RpcError.of`. Local errors (timeouts, delivery) are
 * not here.
 */

/** The error object of a Response, as it is on the wire (section 5.1). */
export interface ErrorObject {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** Every code callstream gives a meaning to: the specification's five, then its own in the server's range. */
export const errors = {
  parseError: { code: -32700, message: 'Parse error' },
  invalidRequest: { code: -32600, message: 'Invalid Request' },
  methodNotFound: { code: -32601, message: 'Method not found' },
  invalidParams: { code: -32602, message: 'Invalid params' },
  internalError: { code: -32603, message: 'Internal error' },
  serverError: { code: -32000, message: 'Server error' },
  expired: { code: -32001, message: 'Expired' },
  overloaded: { code: -32002, message: 'Overloaded' },
  cancelled: { code: -32003, message: 'Cancelled' },
} as const satisfies Record<string, ErrorObject>;

/** The name of a code in {@link errors}. */
export type ErrorName = keyof typeof errors;

const names = new Map<number, ErrorName>(
  (Object.keys(errors) as ErrorName[]).map((name) => [errors[name].code, name]),
);

/** The name of a code, `undefined` for one that callstream gives no meaning to. */
export const errorName = (code: number): ErrorName | undefined => names.get(code);

const defaultMessage = (code: number): string => {
  const name = errorName(code);
  return name === undefined ? `Error ${code}` : errors[name].message;
};

/** What {@link RpcError} carries besides code and message. */
export interface RpcErrorOptions {
  /** Details for the caller: sent, so it must be encodable. @default none */
  readonly data?: unknown;
  /** What led to the error, for logs: never sent. @default none */
  readonly cause?: unknown;
}

/**
 * An error of the remote side, or one a handler throws to reach the caller with its code, message and data.
 *
 * ```ts
 * throw new RpcError(1404, 'No such symbol', { data: { symbol } });
 * throw new RpcError(errors.overloaded.code); // "Overloaded"
 * ```
 */
export class RpcError extends Error {
  readonly _tag = 'RpcError';
  override readonly name = 'RpcError';
  /** An integer; anything else given becomes -32603. */
  readonly code: number;
  readonly data: unknown;

  /** Without a message, the code's own from {@link errors}. */
  constructor(code: number, message?: string, options: RpcErrorOptions = {}) {
    const integer = Number.isSafeInteger(code) ? code : errors.internalError.code;
    super(message ?? defaultMessage(integer), options);
    this.code = integer;
    this.data = options.data;
  }

  /** Whether the same call may succeed a little later: only -32002, which is sent before a handler starts. */
  get retryable(): boolean {
    return this.code === errors.overloaded.code;
  }

  /** The error as it goes on the wire: no stack, no cause, no `data` member where there is none. */
  toObject(): ErrorObject {
    const { code, message, data } = this;
    return data === undefined ? { code, message } : { code, message, data };
  }

  toJSON(): ErrorObject {
    return this.toObject();
  }

  /** The error a wire error object stands for; a code that is not an integer becomes -32603. */
  static of(error: ErrorObject): RpcError {
    return new RpcError(error.code, error.message, { data: error.data });
  }

  /** Also an RpcError of another copy of this package, as a served module may have. */
  static is(thrown: unknown): thrown is RpcError {
    return (
      thrown instanceof RpcError ||
      (thrown instanceof Error && '_tag' in thrown && thrown._tag === 'RpcError')
    );
  }

  /**
   * The error to answer with when `thrown` was thrown:
   * - an RpcError is kept, one of another copy of this package with its code, message and data;
   * - anything else becomes -32603 "Internal error" with no detail, and is kept as `cause` for logs.
   */
  static from(thrown: unknown): RpcError {
    if (thrown instanceof RpcError) return thrown;
    const { code, message } = errors.internalError;
    if (RpcError.is(thrown)) {
      return new RpcError(thrown.code, thrown.message, { data: thrown.data, cause: thrown });
    }
    return new RpcError(code, message, { cause: thrown });
  }
}
