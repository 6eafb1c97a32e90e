import type { FarSystem } from '../far-system.ts'
import { file } from './file.ts'
import { http } from './http.ts'
import { kafka } from './kafka.ts'
import { mqtt } from './mqtt.ts'
import { nats } from './nats.ts'
import { pulsar } from './pulsar.ts'
import { reductstore } from './reductstore.ts'

/** Every system whose bridge is put to the test. */
export const systems: readonly FarSystem[] = [kafka, pulsar, nats, reductstore, mqtt, http, file]
