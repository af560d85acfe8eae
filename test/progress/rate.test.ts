import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Rate } from '../../src/progress/rate.ts'

function steady(rate: Rate, bytesPerStep: number, fromMs: number, toMs: number): void {
  for (let now = fromMs; now <= toMs; now += 100) rate.add(bytesPerStep, now)
}

test('Rate says nothing before it has watched for a while', () => {
  const rate = new Rate()
  rate.add(1e6, 0)
  rate.add(1e6, 100)
  assert.equal(rate.bytesPerSecond(100), undefined)
  assert.equal(rate.timeLeftMs(1e6, 100), undefined)
})

test('Rate of a steady stream is its speed', () => {
  const rate = new Rate()
  steady(rate, 100_000, 0, 5_000)
  assert.ok(Math.abs((rate.bytesPerSecond(5_000) ?? 0) - 1e6) < 2e4)
  assert.ok(Math.abs((rate.timeLeftMs(3e6, 5_000) ?? 0) - 3_000) < 60)
})

test('Rate falls in a stall and rises again', () => {
  const rate = new Rate()
  steady(rate, 100_000, 0, 5_000)
  const stalled = rate.bytesPerSecond(15_000) ?? 0
  assert.ok(stalled < 1.5e5, `${stalled}`)
  steady(rate, 100_000, 15_000, 30_000)
  assert.ok((rate.bytesPerSecond(30_000) ?? 0) > 9e5)
})
