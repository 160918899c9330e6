// A device on Apple's platforms: one bidirectional stream with grpc-swift 2 and code generated from proto/ by
// protoc-gen-swift and protoc-gen-grpc-swift. Checked against the contract by reading, not compiled here.
//
// It keeps what a device has to keep (docs/protocol.md, section 6): a page and its cursor in one transaction, and each edit
// until it is answered. `HomeStore` is yours: Core Data, SwiftData, GRDB or SQLite.
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import SwiftProtobuf

protocol HomeStore: Sendable {
  var deviceID: String { get }
  /// What the last welcome and the last page said; all empty on first contact.
  func position() async throws -> (household: String, epoch: String, cursor: String, sessionKey: Data)
  /// Keeps the session key, counts edits on from at least `highestSequence`, and takes a new device id when it is `forked`.
  func welcomed(_ welcome: Inbetweenies_V1_Welcome, household: String, epoch: String) async throws
  /// Stores the records and the cursor in one transaction. A record never replaces one with a greater seq.
  func apply(_ page: Inbetweenies_V1_ChangesFrame) async throws
  func upToDate(_ position: Inbetweenies_V1_UpToDate) async throws
  func settle(_ answer: Inbetweenies_V1_PushResult) async throws
  /// Edits that are to be pushed, in the order in which they were made, at most 1000 and 4 MiB at a time.
  func pushes() -> AsyncStream<[Funkygibbon_Entity_V1_Change]>
}

func sync(host: String, port: Int, token: String, store: some HomeStore) async throws {
  try await withGRPCClient(
    transport: .http2NIOPosix(target: .dns(host: host, port: port), transportSecurity: .plaintext)
  ) { client in
    let service = Inbetweenies_V1_SyncService.Client(wrapping: client)
    let position = try await store.position()
    let (outbox, say) = AsyncStream.makeStream(of: Inbetweenies_V1_SyncStreamRequest.self)
    say.yield(.with { $0.hello = .with {
      $0.protocolVersion = "inbetweenies-v1"
      $0.deviceID = store.deviceID
      $0.householdID = position.household
      $0.epoch = position.epoch
      $0.cursor = position.cursor
      $0.sessionKey = position.sessionKey
      $0.deviceTimeUs = nowUs()
    }})

    try await service.syncStream(metadata: ["authorization": "Bearer \(token)"]) { writer in
      for await request in outbox { try await writer.write(request) }
    } onResponse: { response in
      var lastFrameID: Int64 = 0
      var tasks: [Task<Void, Never>] = []
      defer { tasks.forEach { $0.cancel() }; say.finish() }
      for try await message in response.messages {
        switch message.frame {
        case .welcome(let welcome):
          try await store.welcomed(welcome, household: message.householdID, epoch: message.epoch)
          tasks.append(push(store, household: message.householdID, epoch: message.epoch, say))
          tasks.append(ping(every: welcome.heartbeatInterval, say))
        case .changes(let page):
          try await store.apply(page)
          lastFrameID = page.frameID
          ack(lastFrameID, page.cursor, say)
        case .upToDate(let position):
          try await store.upToDate(position)
          ack(lastFrameID, position.cursor, say)
        case .pushResult(let answer):
          try await store.settle(answer)
        case .goAway:
          return  // Its reason says what to do; by default: come back after `reconnectAfter`.
        default:
          break  // A frame of a newer server: heard, and nothing more.
        }
      }
    }
  }
}

typealias Say = AsyncStream<Inbetweenies_V1_SyncStreamRequest>.Continuation

/// One push after the other: `pushes()` gives the next one once the last one is settled.
func push(_ store: some HomeStore, household: String, epoch: String, _ say: Say) -> Task<Void, Never> {
  Task {
    var id: Int64 = 0
    for await changes in store.pushes() {
      id += 1
      say.yield(.with { $0.push = .with {
        $0.pushID = id
        $0.householdID = household
        $0.epoch = epoch
        $0.deviceTimeUs = nowUs()
        $0.changes = changes
      }})
    }
  }
}

/// Who is not heard of for three intervals is taken for gone.
func ping(every interval: Google_Protobuf_Duration, _ say: Say) -> Task<Void, Never> {
  Task {
    while (try? await Task.sleep(for: .seconds(interval.seconds))) != nil {
      say.yield(.with { $0.ping = .with { $0.deviceTimeUs = nowUs() } })
    }
  }
}

func ack(_ frameID: Int64, _ cursor: String, _ say: Say) {
  say.yield(.with { $0.ack = .with { $0.frameID = frameID; $0.cursor = cursor } })
}

func nowUs() -> Int64 { Int64(Date().timeIntervalSince1970 * 1_000_000) }
