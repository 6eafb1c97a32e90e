import type { Connector } from 'trestle/contract'
import {
  type HttpOptions,
  type HttpSourceOptions,
  httpOptions,
  httpSchema,
  httpSourceOptions,
  httpSourceSchema,
  httpTargetSchema,
} from './options.ts'

/**
 * HTTP both ways. It promises: `delivered` means that the receiver answered 2xx; messages of a key go one after the
 * other; a repeat carries the same `idempotency-key`; a sender hears 200 only when its messages are safe in the hub. It
 * cannot keep a receiver that does not look at the key from taking a repeat for a new message.
 *
 * Files: `options` what the user writes; `sink` orders and judges, `body` makes bodies and headers, `client` sends and
 * signs; `listener` is the socket and who may post, `source` a path of it, `path` its captures, `split` its batches;
 * `errors`; `probe`.
 */
const http: Connector = {
  type: 'http',
  summary: 'sends messages to webhooks and takes what is posted',
  options: httpSchema,
  targetOptions: httpTargetSchema,
  targetField: 'url',
  createSink: async (options: HttpOptions, context) => {
    const { HttpSink } = await import('./sink.ts')
    return new HttpSink(httpOptions(options), context)
  },
  sourceOptions: httpSourceSchema,
  createSource: async (options: HttpOptions, source: HttpSourceOptions, context) => {
    const { HttpSource } = await import('./source.ts')
    return new HttpSource(httpOptions(options), httpSourceOptions(source), context)
  },
  probe: async (options: HttpOptions, context) => {
    const { probeHttp } = await import('./probe.ts')
    return probeHttp(httpOptions(options), context)
  },
}

export default http
