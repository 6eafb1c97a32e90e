import test from 'node:test'
import { need } from '../services/need.ts'
import { shortFaults } from './short.ts'
import { mqtt } from './systems/mqtt.ts'

test(
  'A1 A3 A4 A9: MQTT and the hub are killed, stopped and cut off under load, and nothing acknowledged is lost, doubled by the sink, or out of order',
  {
    skip: await need('mosquitto'),
  },
  (t) => shortFaults(t, mqtt),
)
