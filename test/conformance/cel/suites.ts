/** The files of cel-spec's `tests/simple/testdata` that are run. */
export const suites: readonly string[] = [
  'basic',
  'bindings_ext',
  'comparisons',
  'conversions',
  'encoders_ext',
  'fields',
  'fp_math',
  'integer_math',
  'lists',
  'logic',
  'macros',
  'macros2',
  'math_ext',
  'optionals',
  'parse',
  'plumbing',
  'string',
  'string_ext',
  'timestamps',
  'type_deduction',
]

/** The files that are not run, and why. */
export const leftOut: Readonly<Record<string, string>> = {
  block_ext: "`cel.block` is an optimiser's output, not something a rule is written in",
  dynamic: 'protobuf messages and their well-known wrappers do not exist in expressions; payloads are plain data',
  enums: 'protobuf enums are text or numbers once a payload is decoded',
  namespace: "names have no packages: a rule's names are single words",
  network_ext: 'addresses and networks are no types here',
  proto2: 'protobuf messages are not made or read as such',
  proto2_ext: 'protobuf extensions are not read',
  proto3: 'protobuf messages are not made or read as such',
  unknowns: 'there are no partly known inputs',
  wrappers: 'protobuf wrappers are plain values once a payload is decoded',
}
