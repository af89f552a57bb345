/** Types compared by the compiler: these files are checked by `tsc` and never run. */

/** True where the two are one type: not wider, not narrower, not `any`. */
export type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Refuses a value of any other type, as `exactly<number>()(1 as number)`. */
export declare function exactly<B>(): <A>(
  value: A,
  ...different: Equals<A, B> extends true ? [] : [expected: B]
) => void;
