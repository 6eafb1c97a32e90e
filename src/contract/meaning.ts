import { type Code, codes, type Retry } from './codes.ts'

/** What one of a far side's own error codes means to the hub: our code, its class here, and what can be done. */
export interface Meaning {
  readonly code: Code
  readonly retry: Retry
  readonly advice?: string
}

/** A row of a connector's table of meanings; the class is the code's own unless the connector knows better. */
export const means = (code: Code, advice?: string, retry: Retry = codes[code].retry): Meaning => ({
  code,
  retry,
  ...(advice === undefined ? {} : { advice }),
})
