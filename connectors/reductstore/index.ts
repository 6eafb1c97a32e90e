import type { Connector } from 'trestle/contract'
import { readsOf, writesOf } from './entries.ts'
import {
  type ReductOptions,
  type ReductSourceOptions,
  reductOptions,
  reductSchema,
  reductSourceOptions,
  reductSourceSchema,
  reductTargetSchema,
} from './options.ts'

/**
 * ReductStore 1.18 and newer, both ways, over its HTTP API. It promises: `delivered` means that the server has
 * confirmed the record; what is sent again is recognised by the server, so nothing is there twice; a source
 * remembers for each entry how far it came, and only what the hub has taken. It does not see a record that is written
 * with a timestamp older than what it read by more than `look_back_ms`.
 *
 * Files: `options` what the user writes; `sink` sends and settles, `trains` sorts into requests, `recent` what may be lost, `timeline` gives each record its timestamp,
 * `holder` looks who holds a place, `batch-writer` and `batch-reader` are the wire; `source` looks and reads, `reading` is
 * one entry of it, `stretches` what to read next, `positions` keeps how far; `entries` names and patterns; `bucket`; `client` the connections; `errors`; `probe`.
 */
const reductstore: Connector = {
  type: 'reductstore',
  summary: 'writes records to entries of ReductStore and reads them',
  options: reductSchema,
  targetOptions: reductTargetSchema,
  targetField: 'entry',
  createSink: async (options: ReductOptions, context) => {
    const { ReductSink } = await import('./sink.ts')
    return new ReductSink(reductOptions(options), context)
  },
  sourceOptions: reductSourceSchema,
  createSource: async (options: ReductOptions, source: ReductSourceOptions, context) => {
    const { ReductSource } = await import('./source.ts')
    return new ReductSource(reductOptions(options), reductSourceOptions(source), context)
  },
  farSide: ({ url }: ReductOptions) => url.toLowerCase().replace(/\/+$/, ''),
  reads: (options: ReductOptions, source: ReductSourceOptions) =>
    readsOf(source.bucket ?? options.bucket, source.entries ?? ['*']),
  writes: ({ bucket, entry }: ReductOptions, target) => writesOf(bucket, entry, target),
  probe: async (options: ReductOptions, context) => {
    const { probeReduct } = await import('./probe.ts')
    return probeReduct(reductOptions(options), context)
  },
}

export default reductstore
