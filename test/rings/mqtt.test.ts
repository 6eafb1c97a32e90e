import test from 'node:test'
import { mqtt } from '../faults/systems/mqtt.ts'
import { need } from '../services/need.ts'
import { runRing } from './ring.ts'

test('A10: two hubs that bridge each other over MQTT see every message once', { skip: await need('mosquitto') }, () =>
  runRing(mqtt),
)
