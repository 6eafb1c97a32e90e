/** A way to write data as bytes that needs no schema. Both directions throw an Error whose message a person can read. */
export interface Codec {
  decode(bytes: Uint8Array): unknown
  /** Plain data as `toData` gives it. */
  encode(value: unknown): Uint8Array
}
