<?php
/**
 * The requests of the page, over HTTP.
 *
 * @package Artly_Reminder_Bridge
 */

/**
 * Starting, watching and cancelling, as a browser does it: with cookies and a nonce, against a served WordPress.
 */
final class Artly_Sync_Test extends Artly_Test_Case {

	/**
	 * The served WordPress, started once.
	 *
	 * @var Artly_Php_Server|null
	 */
	private static ?Artly_Php_Server $site = null;

	public static function setUpBeforeClass(): void {
		self::$site = new Artly_Php_Server( __DIR__ . '/support/router.php', (string) getenv( 'ARTLY_TEST_WP_ROOT' ), array(), 4 );
	}

	public static function tearDownAfterClass(): void {
		self::$site->stop();
	}

	public function test_a_start_answers_with_the_job_and_the_number_of_balances_sent(): void {
		$this->shop( 3 );
		list( $status, $answer ) = $this->ask( 'artly_start_sync_points' );
		$this->assertSame( 200, $status );
		$this->assertTrue( $answer['success'] );
		$this->assertSame( 'job-1', $answer['data']['jobId'] );
		$this->assertSame( 3, $answer['data']['total'] );
		$sent = json_decode( $this->requests( '/artly/sync/points-balances/start' )[0]['body'], true );
		$this->assertSame( array( 2, 3, 4 ), array_column( $sent, 'wp_user_id' ) );
	}

	public function test_the_status_is_given_in_the_format_of_the_page(): void {
		$this->started();
		$this->move_job(
			array(
				'status'      => 'running',
				'processed'   => 3,
				'inserted'    => 1,
				'updated'     => 1,
				'rejected'    => 1,
				'progress'    => 75,
				'total'       => 4,
				'stepMessage' => 'Applying.',
			)
		);
		$job = $this->ask( 'artly_get_sync_job_status', array( 'jobId' => 'job-1' ) )[1]['data'];
		$this->assertSame( array( 'job-1', 'running', 3, 4 ), array( $job['jobId'], $job['status'], $job['processed'], $job['total'] ) );
		$this->assertSame( array( 2, 75, 'Applying.', null ), array( $job['updated'], $job['progress'], $job['message'], $job['error'] ) );

		$error = array(
			'code'    => 'STORAGE_FULL',
			'message' => 'The disk is full.',
		);
		$this->move_job( array( 'status' => 'failed', 'error' => $error ) );
		$this->assertSame( 'The disk is full.', $this->ask( 'artly_get_sync_job_status' )[1]['data']['error'] );
	}

	public function test_a_start_while_a_job_runs_shows_that_job_and_starts_none(): void {
		$this->started();
		$this->move_job( array( 'status' => 'running' ) );
		$job = $this->ask( 'artly_start_sync_points' )[1]['data'];
		$this->assertSame( array( 'job-1', true ), array( $job['jobId'], $job['alreadyRunning'] ) );
		$this->assertSame( array( 'job-1' ), $this->server_state()['started'] );
	}

	public function test_of_starts_at_the_same_moment_one_starts_and_the_others_are_told(): void {
		$this->shop( 3 );
		$this->tell_server( array( 'start_takes_ms' => 400 ) );
		$answers = $this->ask_together( array_fill( 0, 4, 'artly_start_sync_points' ) );
		$this->assertSame( array( 'job-1' ), $this->server_state()['started'] );
		foreach ( $answers as list( $status, $answer ) ) {
			if ( 200 === $status ) {
				$this->assertSame( 'job-1', $answer['data']['jobId'] );
			} else {
				$this->assertSame( array( 409, Artly_Bridge_Failure::ALREADY_STARTING ), array( $status, $answer['data']['code'] ) );
			}
		}
		$this->assertContains( 200, array_column( $answers, 0 ) );
	}

	public function test_while_a_start_is_under_way_others_see_that_balances_are_collected(): void {
		$lock = new Artly_Bridge_Start_Lock();
		$this->assertTrue( $lock->acquire() );
		$job = $this->ask( 'artly_get_sync_job_status' )[1]['data'];
		$this->assertSame( array( 'pending', '' ), array( $job['status'], $job['jobId'] ) );
		$lock->release();
		$this->assertSame( 'idle', $this->ask( 'artly_get_sync_job_status' )[1]['data']['status'] );
	}

	public function test_the_lock_of_a_killed_request_runs_out_and_can_only_be_extended_by_its_holder(): void {
		global $wpdb;
		$killed = new Artly_Bridge_Start_Lock();
		$this->assertTrue( $killed->acquire() );
		$this->assertFalse( ( new Artly_Bridge_Start_Lock() )->acquire() );
		$wpdb->query( "UPDATE {$wpdb->options} SET option_value = CONCAT('1000:', SUBSTRING_INDEX(option_value, ':', -1)) WHERE option_name = '_artly_reminder_bridge_start_lock'" );
		$next = new Artly_Bridge_Start_Lock();
		$this->assertFalse( $next->is_held() );
		$this->assertTrue( $next->acquire() );
		$this->assertFalse( $killed->extend() );
		$killed->release();
		$this->assertTrue( $next->is_held() );
		$this->assertTrue( $next->extend( 5 ) );
	}

	/**
	 * The states after which a person may start again.
	 */
	public function ends(): array {
		return array( array( 'completed' ), array( 'failed' ), array( 'cancelled' ) );
	}

	/**
	 * An ended job does not stand in the way.
	 *
	 * @dataProvider ends
	 * @param string $state The state.
	 */
	public function test_after_the_end_of_a_job_the_next_one_starts( string $state ): void {
		$this->started();
		$this->move_job( array( 'status' => $state ) );
		$this->assertSame( 'job-2', $this->ask( 'artly_start_sync_points' )[1]['data']['jobId'] );
	}

	public function test_cancelling_answers_with_the_cancelled_job(): void {
		$this->started();
		list( $status, $answer ) = $this->ask( 'artly_cancel_sync', array( 'jobId' => 'job-1' ) );
		$this->assertSame( array( 200, 'cancelled' ), array( $status, $answer['data']['status'] ) );
		$this->assertCount( 1, $this->requests( '/artly/sync/points-balances/cancel' ) );
	}

	public function test_the_page_gets_an_address_for_one_job_with_a_ticket_and_never_the_key(): void {
		$this->started();
		$address = $this->server_url() . '/artly/sync/jobs/job-1/events?ticket=a-ticket%2B%2F%3D';
		foreach ( array( array( 'jobId' => 'job-1' ), array() ) as $fields ) {
			list( $status, $answer ) = $this->ask( 'artly_get_sync_ticket', $fields );
			$this->assertSame( 200, $status );
			$this->assertSame( array( 'events' => $address, 'reason' => null ), $answer['data'] );
			$this->assertStringNotContainsString( self::KEY, wp_json_encode( $answer ) );
		}
		$requests = $this->requests( '/artly/sync/jobs/job-1/ticket' );
		$this->assertCount( 2, $requests );
		$this->assertSame( array( 'POST', self::KEY ), array( $requests[0]['method'], $requests[0]['headers']['x-artly-secret'] ) );
	}

	/**
	 * Servers that give no ticket.
	 */
	public function servers_without_tickets(): array {
		$error = static fn( $code ) => array( 'success' => false, 'error' => $code, 'message' => 'No.' );
		return array(
			'one of an older version'  => array( 404, $error( 'NOT_FOUND' ), Artly_Bridge_Failure::REFUSED ),
			'one that is away'         => array( 502, 'Bad gateway', Artly_Bridge_Failure::UNAVAILABLE ),
			'one that is stopping'     => array( 503, $error( 'SHUTTING_DOWN' ), Artly_Bridge_Failure::REFUSED ),
			'one that refuses the key' => array( 401, $error( 'WRONG_KEY' ), Artly_Bridge_Failure::WRONG_KEY ),
			'one that forgot the job'  => array( 404, $error( 'JOB_NOT_FOUND' ), Artly_Bridge_Failure::JOB_NOT_FOUND ),
			'one without tickets'      => array( 200, array( 'success' => true, 'ticket' => '' ), Artly_Bridge_Failure::NOT_ARTLY ),
		);
	}

	/**
	 * Each is an answer with its reason, and no error of the page.
	 *
	 * @dataProvider servers_without_tickets
	 * @param int          $status HTTP status.
	 * @param array|string $body   Body.
	 * @param string       $reason Code of the failure.
	 */
	public function test_without_a_ticket_the_page_is_told_that_there_is_nothing_live( int $status, $body, string $reason ): void {
		$this->started();
		$this->tell_server( array( 'answer' => array( '/artly/sync/jobs/job-1/ticket' => compact( 'status', 'body' ) ) ) + $this->server_state() );
		$this->assertNothingLive( $reason );
		// What the page shows of the job has not changed by this.
		$this->assertSame( 'pending', $this->ask( 'artly_get_sync_job_status' )[1]['data']['status'] );
	}

	public function test_without_a_job_a_server_or_settings_there_is_nothing_live(): void {
		$this->assertNothingLive( Artly_Bridge_Failure::JOB_NOT_FOUND );
		$this->assertSame( array(), $this->server_state()['requests'] ?? array() );
		$this->started();
		update_option( Artly_Bridge_Settings::OPTION_URL, 'http://127.0.0.1:' . Artly_Php_Server::free_port() );
		$this->assertNothingLive( Artly_Bridge_Failure::UNREACHABLE );
		delete_option( Artly_Bridge_Settings::OPTION_SECRET );
		$this->assertNothingLive( Artly_Bridge_Failure::NOT_CONFIGURED );
	}

	public function test_there_is_nothing_to_cancel_where_nothing_was_started(): void {
		list( $status, $answer ) = $this->ask( 'artly_cancel_sync' );
		$this->assertSame( array( 409, Artly_Bridge_Failure::NOTHING_TO_CANCEL ), array( $status, $answer['data']['code'] ) );
	}

	public function test_a_job_the_server_no_longer_knows_is_forgotten_with_a_word(): void {
		$this->started();
		$this->tell_server( array() );
		$job = $this->ask( 'artly_get_sync_job_status', array( 'jobId' => 'job-1' ) )[1]['data'];
		$this->assertSame( 'idle', $job['status'] );
		$this->assertStringContainsString( 'no longer knows', $job['headline'] );
		$this->assertStringContainsString( 'No sync is running', $this->ask( 'artly_get_sync_job_status' )[1]['data']['headline'] );
	}

	public function test_a_server_that_is_away_neither_loses_the_job_nor_lets_a_second_one_start(): void {
		$this->started();
		$away = array(
			'status' => 502,
			'body'   => 'Bad gateway',
		);
		$this->tell_server( array( 'answer' => array( '*' => $away ) ) + $this->server_state() );
		list( $status, $answer ) = $this->ask( 'artly_get_sync_job_status' );
		$this->assertSame( array( 503, Artly_Bridge_Failure::UNAVAILABLE ), array( $status, $answer['data']['code'] ) );
		$this->assertSame( 503, $this->ask( 'artly_start_sync_points' )[0] );

		$state = $this->server_state();
		unset( $state['answer'] );
		$this->tell_server( $state );
		$this->assertSame( 'job-1', $this->ask( 'artly_get_sync_job_status' )[1]['data']['jobId'] );
		$this->assertSame( array( 'job-1' ), $this->server_state()['started'] );
	}

	public function test_a_reload_finds_the_running_job_in_the_page_itself(): void {
		$this->started();
		$this->move_job( array( 'status' => 'running', 'processed' => 2, 'progress' => 66 ) );
		list( $status, $html ) = $this->page();
		$this->assertSame( 200, $status );
		$this->assertStringContainsString( 'data-state="running"', $html );
		$this->assertMatchesRegularExpression( '#id="artly-sync-count">2 / 3<#', $html );
		$this->assertMatchesRegularExpression( '#id="artly-sync-percent">66%<#', $html );
		$this->assertStringContainsString( '<noscript>', $html );
		$this->assertStringNotContainsString( self::KEY, $html );
	}

	public function test_a_completed_job_is_shown_although_the_server_is_away(): void {
		$this->started();
		$this->move_job( array( 'status' => 'completed', 'processed' => 3, 'inserted' => 3, 'progress' => 100 ) );
		$this->ask( 'artly_get_sync_job_status' );
		update_option( Artly_Bridge_Settings::OPTION_URL, 'http://127.0.0.1:' . Artly_Php_Server::free_port() );
		$this->assertStringContainsString( 'data-state="completed"', $this->page()[1] );
	}

	public function test_a_late_word_of_an_old_job_does_not_replace_the_new_one(): void {
		$current = new Artly_Bridge_Current_Job();
		$old     = Artly_Bridge_Job_View::accepted( 'job-1', 3 );
		$current->begin( $old );
		$current->begin( Artly_Bridge_Job_View::accepted( 'job-2', 3 ) );
		$current->settle( array( 'status' => 'failed' ) + $old );
		$current->forget( 'job-1' );
		$this->assertSame( 'job-2', $current->read()['jobId'] );
		$newer = array( 'version' => 7 ) + $current->read();
		$current->settle( $newer );
		$current->settle( array( 'version' => 6 ) + $newer );
		$this->assertSame( 7, $current->read()['version'] );
	}

	public function test_without_points_settings_or_database_a_start_says_what_to_do_and_sends_nothing(): void {
		$code = fn() => $this->ask( 'artly_start_sync_points' )[1]['data']['code'];
		$this->assertSame( Artly_Bridge_Failure::NO_SOURCE, $code() );
		$this->points_table();
		$this->assertSame( Artly_Bridge_Failure::NO_BALANCES, $code() );
		$this->member( 2 );
		$this->points( 2, 1 );
		$GLOBALS['wpdb']->query( "ALTER TABLE {$GLOBALS['wpdb']->prefix}wc_points_rewards_user_points DROP points_balance" );
		$this->assertSame( Artly_Bridge_Failure::READ_FAILED, $code() );
		delete_option( Artly_Bridge_Settings::OPTION_SECRET );
		$this->assertSame( Artly_Bridge_Failure::NOT_CONFIGURED, $code() );
		$this->assertSame( array(), $this->requests( '/artly/sync/points-balances/start' ) );
		$this->assertFalse( ( new Artly_Bridge_Start_Lock() )->is_held() );
	}

	public function test_only_owners_and_shop_managers_may_sync_and_only_with_a_nonce(): void {
		$this->shop( 3 );
		$manager = $this->person( 10, array( 'manage_woocommerce' => true ) );
		$member  = $this->person( 11, array( 'edit_posts' => true ) );
		foreach ( array( 'artly_start_sync_points', 'artly_get_sync_job_status', 'artly_cancel_sync', 'artly_get_sync_ticket', 'artly_test_connection' ) as $action ) {
			$this->assertSame( 403, $this->ask( $action, array(), $member )[0] );
			list( $status, $answer ) = $this->ask( $action, array( 'nonce' => 'old' ) );
			$this->assertSame( array( 403, Artly_Bridge_Ajax::EXPIRED ), array( $status, $answer['data']['code'] ) );
			$this->assertSame( 400, $this->ask( $action, array(), 0 )[0] );
		}
		$this->assertSame( array(), $this->server_state()['requests'] ?? array() );
		$this->assertSame( 200, $this->ask( 'artly_start_sync_points', array(), $manager )[0] );
		$this->assertSame( 403, $this->ask( 'artly_test_connection', array( 'url' => $this->server_url() ), $manager )[0] );
		$this->assertSame( 403, $this->page( $member )[0] );
	}

	public function test_the_connection_test_takes_what_is_typed_and_an_empty_key_means_the_saved_one(): void {
		$test = fn( $url, $secret ) => $this->ask( 'artly_test_connection', compact( 'url', 'secret' ) )[1];
		$this->assertStringContainsString( 'accepts the key.', $test( $this->server_url() . '/', '' )['data']['message'] );
		$this->assertSame( Artly_Bridge_Failure::WRONG_KEY, $test( $this->server_url(), 'another-key' )['data']['code'] );
		$this->assertSame( Artly_Bridge_Failure::INVALID_ADDRESS, $test( 'sync', '' )['data']['code'] );
		$this->assertSame( Artly_Bridge_Failure::UNREACHABLE, $test( 'http://127.0.0.1:' . Artly_Php_Server::free_port(), '' )['data']['code'] );
		$this->assertSame( Artly_Bridge_Failure::NOT_ARTLY, $test( self::$site->url, '' )['data']['code'] );
	}

	/**
	 * The page is answered that the job cannot be watched live.
	 *
	 * @param string $reason Why.
	 */
	private function assertNothingLive( string $reason ): void {
		list( $status, $answer ) = $this->ask( 'artly_get_sync_ticket' );
		$this->assertSame( 200, $status );
		$this->assertSame( array( 'events' => null, 'reason' => $reason ), $answer['data'] );
	}

	/**
	 * A shop of three whose sync was started as job-1.
	 */
	private function started(): void {
		$this->shop( 3 );
		$this->assertSame( 200, $this->ask( 'artly_start_sync_points' )[0] );
	}

	/**
	 * A person with these capabilities.
	 *
	 * @param int   $id           Id.
	 * @param array $capabilities Capabilities.
	 * @return int The id.
	 */
	private function person( int $id, array $capabilities ): int {
		$this->member( $id );
		update_user_meta( $id, $GLOBALS['wpdb']->prefix . 'capabilities', array( 'read' => true ) + $capabilities );
		return $id;
	}

	/**
	 * Asks one thing.
	 *
	 * @param string $action  AJAX action.
	 * @param array  $fields  Its fields.
	 * @param int    $user_id Who asks, 0 for nobody.
	 * @return array HTTP status and decoded body.
	 */
	private function ask( string $action, array $fields = array(), int $user_id = 1 ): array {
		return $this->ask_together( array( $action ), $fields, $user_id )[0];
	}

	/**
	 * Asks several things at the same moment.
	 *
	 * @param string[] $actions AJAX actions.
	 * @param array    $fields  Their fields.
	 * @param int      $user_id Who asks.
	 */
	private function ask_together( array $actions, array $fields = array(), int $user_id = 1 ): array {
		list( $cookies, $nonce ) = $this->sign_in( $user_id );
		$handles                 = array();
		foreach ( $actions as $action ) {
			$fields   += compact( 'nonce' );
			$handles[] = $this->request( '/wp-admin/admin-ajax.php', $cookies, compact( 'action' ) + $fields );
		}
		return array_map(
			static fn( $answer ) => array( $answer[0], json_decode( $answer[1], true ) ),
			$this->send( $handles )
		);
	}

	/**
	 * Loads the page.
	 *
	 * @param int $user_id Who.
	 * @return array HTTP status and HTML.
	 */
	private function page( int $user_id = 1 ): array {
		$path = '/wp-admin/admin.php?page=' . Artly_Bridge_Admin_Page::SLUG;
		return $this->send( array( $this->request( $path, $this->sign_in( $user_id )[0] ) ) )[0];
	}

	/**
	 * Cookies and nonce of a person.
	 *
	 * @param int $user_id Who, 0 for nobody.
	 */
	private function sign_in( int $user_id ): array {
		if ( 0 === $user_id ) {
			return array( '', 'none' );
		}
		$expires   = time() + HOUR_IN_SECONDS;
		$token     = WP_Session_Tokens::get_instance( $user_id )->create( $expires );
		$logged_in = wp_generate_auth_cookie( $user_id, $expires, 'logged_in', $token );
		$admin     = wp_generate_auth_cookie( $user_id, $expires, 'auth', $token );

		$_COOKIE[ LOGGED_IN_COOKIE ] = $logged_in;
		wp_set_current_user( $user_id );
		$nonce = wp_create_nonce( 'artly_sync_points' );
		wp_set_current_user( 1 );
		return array( LOGGED_IN_COOKIE . '=' . rawurlencode( $logged_in ) . '; ' . AUTH_COOKIE . '=' . rawurlencode( $admin ), $nonce );
	}

	/**
	 * A request that is not sent yet.
	 *
	 * @param string     $path    Path.
	 * @param string     $cookies Cookies.
	 * @param array|null $fields  Posted fields.
	 * @return CurlHandle
	 */
	private function request( string $path, string $cookies, ?array $fields = null ) {
		$handle = curl_init( self::$site->url . $path );
		curl_setopt_array(
			$handle,
			array(
				CURLOPT_RETURNTRANSFER => true,
				CURLOPT_COOKIE         => $cookies,
				CURLOPT_TIMEOUT        => 60,
				CURLOPT_HTTPHEADER     => array( 'Host: ' . ARTLY_TEST_HOST ),
			)
		);
		if ( null !== $fields ) {
			curl_setopt( $handle, CURLOPT_POSTFIELDS, http_build_query( $fields ) );
		}
		return $handle;
	}

	/**
	 * Sends requests together.
	 *
	 * @param array $handles The requests.
	 * @return array HTTP status and body of each.
	 */
	private function send( array $handles ): array {
		$multi = curl_multi_init();
		foreach ( $handles as $handle ) {
			curl_multi_add_handle( $multi, $handle );
		}
		do {
			curl_multi_exec( $multi, $running );
			curl_multi_select( $multi );
		} while ( $running > 0 );
		// What this process has read before may be out of date now.
		wp_cache_flush();
		return array_map(
			static fn( $handle ) => array( curl_getinfo( $handle, CURLINFO_RESPONSE_CODE ), curl_multi_getcontent( $handle ) ),
			$handles
		);
	}
}
