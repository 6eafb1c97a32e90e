import { Decoder, Encoder, ExtensionCodec } from '@msgpack/msgpack'
import { makeTimestamp } from '../expression/time-value.ts'
import type { Codec } from './codec.ts'
import { messagePackSizeFault } from './message-pack-size.ts'
import { maxDepth, settle } from './settle.ts'

/**
 * MessagePack. Timestamps (extension -1) are times; other extensions are objects of `type` and `data`. *Source*:
 * msgpack/spec.
 */
export const messagePack: Codec = {
  decode(bytes) {
    const fault = messagePackSizeFault(bytes)
    if (fault !== null) throw new Error(fault)
    return settle(decoder.decode(bytes))
  },
  encode: (value) => encoder.encode(value),
}

const timestampType = -1

const extensions = new ExtensionCodec()
extensions.register({
  type: timestampType,
  // Times are text by the time they are written.
  encode: () => null,
  decode: (data) => {
    const view = new DataView(data.buffer, data.byteOffset, data.length)
    const time =
      data.length === 4
        ? makeTimestamp(view.getUint32(0) * 1000)
        : data.length === 8
          ? makeTimestamp((view.getUint32(0) % 4) * 2 ** 32 * 1000 + view.getUint32(4) * 1000, view.getUint32(0) >>> 2)
          : data.length === 12
            ? makeTimestamp(Number(view.getBigInt64(4)) * 1000, view.getUint32(0))
            : null
    if (time === null) throw new Error('a timestamp in it is out of range')
    return time
  },
})

const encoder = new Encoder({ useBigInt64: true, ignoreUndefined: true, maxDepth })

const decoder = new Decoder({ useBigInt64: true, extensionCodec: extensions })
