<?php
/**
 * Talking to the server.
 *
 * @package Artly_Reminder_Bridge
 */

/**
 * Requests are made as the server wants them, and every failure has its own sentence.
 */
final class Artly_Client_Test extends Artly_Test_Case {

	const START = '/artly/sync/points-balances/start';

	public function test_a_start_is_one_compressed_request_with_the_key_as_a_header_only(): void {
		$balances = array(
			array(
				'wp_user_id'     => 2,
				'email'          => 'ü@shop.example',
				'points_balance' => '0.1000',
			),
			array(
				'wp_user_id'     => 3,
				'email'          => "broken\xff@shop.example",
				'points_balance' => '-5',
			),
		);
		$answer   = artly_reminder_bridge_start_balance_sync( new ArrayIterator( $balances ) );
		$this->assertSame( 'job-1', $answer['jobId'] );

		$requests = $this->requests( self::START );
		$this->assertCount( 1, $requests );
		$this->assertSame( 'gzip', $requests[0]['headers']['content-encoding'] );
		$this->assertSame( 'application/json', $requests[0]['headers']['content-type'] );
		$this->assertSame( self::KEY, $requests[0]['headers']['x-artly-secret'] );
		$this->assertStringNotContainsString( self::KEY, $requests[0]['uri'] . $requests[0]['body'] );
		$sent = json_decode( $requests[0]['body'], true );
		$this->assertSame( $balances[0], $sent[0] );
		$this->assertSame( '-5', $sent[1]['points_balance'] );
	}

	public function test_a_shop_without_points_is_told_so_before_anything_is_sent(): void {
		$answer = artly_reminder_bridge_start_balance_sync( array() );
		$this->assertSame( Artly_Bridge_Failure::NO_BALANCES, $answer->get_error_code() );
		$this->assertStringContainsString( 'No member has points', $answer->get_error_message() );
		$this->assertSame( array(), $this->requests( self::START ) );
	}

	public function test_a_body_of_many_chunks_is_one_array_and_stays_small_in_memory(): void {
		$body   = new Artly_Bridge_Balance_Body();
		$before = memory_get_usage();
		for ( $id = 1; $id <= 200000; $id++ ) {
			$body->add(
				array(
					'wp_user_id'     => $id,
					'email'          => "member{$id}@shop.example",
					'points_balance' => (string) $id,
				)
			);
		}
		$bytes = $body->finish();
		// As text these are 14 MB.
		$this->assertLessThan( 4 * 1048576, memory_get_usage() - $before );
		$sent = json_decode( gzdecode( $bytes ), true );
		$this->assertCount( 200000, $sent );
		$this->assertSame( range( 1, 200000 ), array_column( $sent, 'wp_user_id' ) );
	}

	public function test_what_json_cannot_say_is_sent_as_null_in_its_place_and_never_as_another_number(): void {
		$body = new Artly_Bridge_Balance_Body();
		$body->add( array( 'points_balance' => NAN ) );
		$body->add( array( 'points_balance' => '1' ) );
		$this->assertSame( '[null,{"points_balance":"1"}]', gzdecode( $body->finish() ) );
	}

	public function test_the_status_of_a_job_is_asked_by_its_id(): void {
		artly_reminder_bridge_start_balance_sync( array( array( 'wp_user_id' => 1 ) ) );
		$this->assertSame( 'pending', artly_reminder_bridge_get_sync_status( 'job-1' )['job']['status'] );
		$this->assertSame( Artly_Bridge_Failure::JOB_NOT_FOUND, artly_reminder_bridge_get_sync_status( 'a b/../c' )->get_error_code() );
	}

	/**
	 * Answers of servers, and the failure that each is.
	 */
	public function answers(): array {
		$page = '<html>Welcome</html>';
		return array(
			'a web page'                   => array( 200, $page, Artly_Bridge_Failure::NOT_ARTLY ),
			'a page not found'             => array( 404, $page, Artly_Bridge_Failure::NOT_ARTLY ),
			'other JSON'                   => array( 200, array( 'status' => 'ok' ), Artly_Bridge_Failure::NOT_ARTLY ),
			'a proxy before a dead server' => array( 502, $page, Artly_Bridge_Failure::UNAVAILABLE ),
			'a wrong key'                  => array( 401, array( 'success' => false, 'error' => 'WRONG_KEY', 'message' => '-' ), Artly_Bridge_Failure::WRONG_KEY ),
			'a missing key'                => array( 401, array( 'success' => false, 'error' => 'MISSING_KEY', 'message' => '-' ), Artly_Bridge_Failure::WRONG_KEY ),
			'another error'                => array( 503, array( 'success' => false, 'error' => 'STORAGE_BUSY', 'message' => 'Busy.' ), Artly_Bridge_Failure::REFUSED ),
		);
	}

	/**
	 * Each answer has its own failure.
	 *
	 * @dataProvider answers
	 * @param int          $status HTTP status.
	 * @param array|string $body   Body.
	 * @param string       $code   Code of the failure.
	 */
	public function test_every_wrong_answer_has_its_own_sentence( int $status, $body, string $code ): void {
		$this->tell_server( array( 'answer' => array( '*' => array( 'status' => $status, 'body' => $body ) ) ) );
		$error = artly_reminder_bridge_get_sync_status( 'job-1' );
		$this->assertSame( $code, $error->get_error_code() );
		$this->assertStringNotContainsString( self::KEY, $error->get_error_message() );
	}

	public function test_a_redirect_is_not_followed_so_the_key_goes_to_nobody_else(): void {
		$answer = array(
			'status'  => 302,
			'body'    => '',
			'headers' => array( "Location: {$this->server_url()}/elsewhere" ),
		);
		$this->tell_server( array( 'answer' => array( '/artly/sync/points-balances/status' => $answer ) ) );
		$this->assertSame( Artly_Bridge_Failure::NOT_ARTLY, artly_reminder_bridge_get_sync_status( 'job-1' )->get_error_code() );
		$this->assertSame( array(), $this->requests( '/elsewhere' ) );
	}

	public function test_no_server_a_slow_server_and_a_blocked_one_are_told_apart(): void {
		update_option( Artly_Bridge_Settings::OPTION_URL, 'http://127.0.0.1:' . Artly_Php_Server::free_port() );
		$this->assertSame( Artly_Bridge_Failure::UNREACHABLE, artly_reminder_bridge_get_sync_status( 'job-1' )->get_error_code() );

		// A socket that takes the connection and never answers.
		$silent = stream_socket_server( 'tcp://127.0.0.1:0' );
		update_option( Artly_Bridge_Settings::OPTION_URL, 'http://' . stream_socket_get_name( $silent, false ) );
		$this->assertSame( Artly_Bridge_Failure::TIMEOUT, artly_reminder_bridge_get_sync_status( 'job-1', 1 )->get_error_code() );
		add_filter( 'http_request_args', static fn( $args ) => array( 'timeout' => 1 ) + $args );
		$error = artly_reminder_bridge_start_balance_sync( array( array( 'wp_user_id' => 1 ) ) );
		$this->assertSame( Artly_Bridge_Failure::START_TIMEOUT, $error->get_error_code() );

		$blocked = new WP_Error( 'http_request_not_executed', 'User has blocked requests through HTTP.' );
		$this->assertSame( Artly_Bridge_Failure::BLOCKED, Artly_Bridge_Failure::from_transport( $blocked )->get_error_code() );
	}

	/**
	 * What the transports of WordPress say.
	 */
	public function transport_errors(): array {
		return array(
			array( 'cURL error 6: Could not resolve host: sync.example', Artly_Bridge_Failure::DNS ),
			array( 'php_network_getaddresses: getaddrinfo for sync.example failed', Artly_Bridge_Failure::DNS ),
			array( 'cURL error 7: Failed to connect to sync.example port 80', Artly_Bridge_Failure::UNREACHABLE ),
			array( 'cURL error 28: Operation timed out after 10001 milliseconds', Artly_Bridge_Failure::TIMEOUT ),
			array( 'cURL error 60: SSL certificate problem: unable to get local issuer', Artly_Bridge_Failure::TLS ),
			array( 'cURL error 35: wrong version number', Artly_Bridge_Failure::TLS ),
			array( 'cURL error 52: Empty reply from server', Artly_Bridge_Failure::UNREACHABLE ),
		);
	}

	/**
	 * Each error has its own failure.
	 *
	 * @dataProvider transport_errors
	 * @param string $said What the transport says.
	 * @param string $code Code of the failure.
	 */
	public function test_errors_of_the_way_are_told_apart( string $said, string $code ): void {
		$this->assertSame( $code, Artly_Bridge_Failure::from_transport( new WP_Error( 'http_request_failed', $said ) )->get_error_code() );
	}

	public function test_the_connection_test_sends_no_key_to_a_server_that_is_not_artly_sync(): void {
		$this->assertTrue( artly_reminder_bridge_client()->test() );

		$answer = array(
			'status' => 200,
			'body'   => array( 'success' => true, 'name' => 'another' ),
		);
		$this->tell_server( array( 'answer' => array( '/healthz' => $answer ) ) );
		$this->assertSame( Artly_Bridge_Failure::NOT_ARTLY, artly_reminder_bridge_client()->test()->get_error_code() );
		$requests = $this->server_state()['requests'];
		$this->assertCount( 1, $requests );
		$this->assertArrayNotHasKey( 'x-artly-secret', $requests[0]['headers'] );
	}
}
