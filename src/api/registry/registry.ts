/**
 * The registry as Confluent's Schema Registry speaks: its paths, bodies, content types and numbers, so that its clients
 * work unchanged. *Source*: Confluent Schema Registry API reference.
 *
 * It promises: nothing is answered that the registry does not hold; every refusal has Confluent's number and says why. It
 * does not know contexts (there is the one `.`), tags, exporters, or encryption keys; data contracts (`ruleSet`) are
 * kept and given back, and run by clients only.
 *
 * `subjects`, `versions`, `ids`, `policy` and `compatibility` are the routes; `request` reads what comes, `view` words
 * what goes, `answers` the errors and content types.
 */
import type { FastifyInstance } from 'fastify'
import type { ApiContext } from '../context.ts'
import { speakRegistry } from './answers.ts'
import { addCompatibility } from './compatibility.ts'
import { addIds } from './ids.ts'
import { addPolicy } from './policy.ts'
import { addSubjects } from './subjects.ts'
import { addVersions } from './versions.ts'

/** /subjects, /schemas, /compatibility, /config, /mode, /contexts. */
export function addRegistry(app: FastifyInstance, context: ApiContext): void {
  app.register(async (scope) => {
    speakRegistry(scope, context)
    addSubjects(scope, context)
    addVersions(scope, context)
    addIds(scope, context)
    addCompatibility(scope, context)
    addPolicy(scope, context)
  })
}
