// The tests of Flotsam itself use the clock that users get.
export {
  createTestClock as createFakeClock,
  type TestClock as FakeClock,
} from '../../src/testing/test-clock.ts'
