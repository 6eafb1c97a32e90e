/**
 * The byte stream under a connection, as much of it as the broker uses: a `net.Socket` is one as it stands, a WebSocket
 * is wrapped. What is written must not be changed until `writableLength` is 0 again.
 */
export interface Link {
  write(bytes: Uint8Array): unknown
  /** Bytes the kernel has not taken yet; 0 right after `write` when it took everything. */
  readonly writableLength: number
  pause(): unknown
  resume(): unknown
  /** Ends in order: what was written still leaves. */
  end(): unknown
  /** Ends at once. */
  destroy(): unknown
}
