import type { Options } from './proto-file.ts'
import { refuse } from './proto-token.ts'

/** What editions let each file, message and field say for itself; proto2 and proto3 are two sets of answers. */
export interface Features {
  readonly field_presence: 'EXPLICIT' | 'IMPLICIT' | 'LEGACY_REQUIRED'
  readonly enum_type: 'OPEN' | 'CLOSED'
  readonly repeated_field_encoding: 'PACKED' | 'EXPANDED'
  readonly message_encoding: 'LENGTH_PREFIXED' | 'DELIMITED'
}

const newest: Features = {
  field_presence: 'EXPLICIT',
  enum_type: 'OPEN',
  repeated_field_encoding: 'PACKED',
  message_encoding: 'LENGTH_PREFIXED',
}

/** *Source*: protobuf.dev, feature settings for editions. */
export function featuresOfEdition(edition: string): Features {
  if (edition === 'proto3') return { ...newest, field_presence: 'IMPLICIT' }
  return edition === 'proto2' ? { ...newest, enum_type: 'CLOSED', repeated_field_encoding: 'EXPANDED' } : newest
}

const answers: Readonly<Record<keyof Features, readonly string[]>> = {
  field_presence: ['EXPLICIT', 'IMPLICIT', 'LEGACY_REQUIRED'],
  enum_type: ['OPEN', 'CLOSED'],
  repeated_field_encoding: ['PACKED', 'EXPANDED'],
  message_encoding: ['LENGTH_PREFIXED', 'DELIMITED'],
}

/** What is around, with what these options change. *Errors*: throws ProtoRefused. */
export function featuresWithin(around: Features, options: Options, at: { line: number; column: number }): Features {
  let features = around
  for (const feature of Object.keys(answers) as (keyof Features)[]) {
    const answer = options.get(`features.${feature}`)
    if (answer === undefined) continue
    if (!answers[feature].includes(answer)) refuse(at, `feature ${feature} cannot be ${answer}`)
    features = { ...features, [feature]: answer }
  }
  return features
}
