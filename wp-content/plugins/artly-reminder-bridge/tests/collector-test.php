<?php
/**
 * Reading balances from a real database.
 *
 * @package Artly_Reminder_Bridge
 */

/**
 * Balances come out of the database whole, exact and in pages.
 */
final class Artly_Collector_Test extends Artly_Test_Case {

	public function test_the_balance_of_a_member_is_the_sum_of_all_rows_and_may_be_negative(): void {
		$this->points_table();
		foreach ( array( 2, 3, 4 ) as $id ) {
			$this->member( $id );
		}
		$this->points( 2, 100 );
		$this->points( 2, 50 );
		$this->points( 3, -30 );
		$this->points( 3, 10 );

		$this->assertSame(
			array(
				array(
					'wp_user_id'     => 2,
					'email'          => 'member2@shop.example',
					'points_balance' => '150',
				),
				array(
					'wp_user_id'     => 3,
					'email'          => 'member3@shop.example',
					'points_balance' => '-20',
				),
			),
			$this->collect( new Artly_Bridge_Source_Wc_Points() )
		);
	}

	public function test_pages_of_any_size_give_the_same_members_also_across_gaps(): void {
		$this->points_table();
		foreach ( array( 2, 3, 50, 51, 52, 53, 54, 900 ) as $id ) {
			$this->member( $id );
		}
		foreach ( array( 2, 54, 900 ) as $id ) {
			$this->points( $id, $id );
			$this->points( $id, $id );
		}
		$whole = $this->collect( new Artly_Bridge_Source_Wc_Points() );
		$this->assertSame( array( 2, 54, 900 ), array_column( $whole, 'wp_user_id' ) );
		foreach ( array( 1, 2, 3 ) as $page_size ) {
			$this->assertSame( $whole, $this->collect( new Artly_Bridge_Source_Wc_Points(), $page_size ) );
		}
	}

	public function test_points_of_users_who_no_longer_exist_are_left_out(): void {
		$this->shop( 3 );
		$this->points( 777, 5 );
		$this->assertSame( array( 2, 3, 4 ), array_column( $this->collect( new Artly_Bridge_Source_Wc_Points(), 2 ), 'wp_user_id' ) );
	}

	public function test_a_page_costs_two_queries_however_many_members_and_none_has_an_offset(): void {
		global $wpdb;
		$this->shop( 40 );
		$source  = new Artly_Bridge_Source_Wc_Points();
		$queries = array();
		$listen  = static function ( $sql ) use ( &$queries ) {
			$queries[] = $sql;
			return $sql;
		};
		$source->unavailable_reason();
		add_filter( 'query', $listen );
		$source->page( 'points', 0, 10 );
		$this->assertCount( 2, $queries );
		$this->collect( $source, 10 );
		remove_filter( 'query', $listen );
		$this->assertStringNotContainsStringIgnoringCase( 'OFFSET', implode( ' ', $queries ) );
		$this->assertSame( '', $wpdb->last_error );
	}

	public function test_an_older_site_with_only_the_log_gives_the_sum_of_all_changes(): void {
		global $wpdb;
		$log = $wpdb->prefix . 'wc_points_rewards_user_points_log';
		$wpdb->query( "CREATE TABLE {$log} (id bigint AUTO_INCREMENT PRIMARY KEY, user_id bigint NOT NULL, points bigint NOT NULL, type varchar(255), date datetime)" );
		$this->member( 2 );
		$wpdb->query( "INSERT INTO {$log} (user_id, points) VALUES (2, 100), (2, -40), (9, 5)" );
		$source = new Artly_Bridge_Source_Wc_Points();
		$this->assertSame( '', $source->unavailable_reason() );
		$this->assertSame( '60', $this->collect( $source )[0]['points_balance'] );
	}

	public function test_without_its_tables_the_source_says_what_is_missing(): void {
		$this->assertStringContainsString( 'WooCommerce Points and Rewards', ( new Artly_Bridge_Source_Wc_Points() )->unavailable_reason() );
	}

	public function test_meta_values_stay_exactly_as_they_are_and_empty_ones_are_skipped(): void {
		$values = array(
			2 => '0.1',
			3 => '12345678901234567890.1234',
			4 => 'many',
			5 => '',
			6 => '-7.50',
		);
		foreach ( $values as $id => $value ) {
			$this->member( $id );
			add_user_meta( $id, 'my "points"', $value );
			add_user_meta( $id, 'other', '1' );
		}
		$rows = $this->collect( new Artly_Bridge_Source_User_Meta( 'my "points"' ), 2 );
		unset( $values[5] );
		$this->assertSame( $values, array_column( $rows, 'points_balance', 'wp_user_id' ) );
	}

	public function test_a_member_with_the_meta_key_twice_is_read_once_as_wordpress_reads_it(): void {
		$this->member( 2 );
		$this->member( 3 );
		add_user_meta( 2, 'points', '5' );
		add_user_meta( 3, 'points', '7' );
		add_user_meta( 2, 'points', '6' );
		$rows = $this->collect( new Artly_Bridge_Source_User_Meta( 'points' ), 1 );
		$this->assertSame( array( 2 => '5', 3 => '7' ), array_column( $rows, 'points_balance', 'wp_user_id' ) );
		$this->assertSame( '5', get_user_meta( 2, 'points', true ) );
	}

	public function test_a_database_that_refuses_half_way_is_an_error_and_not_the_end_of_the_list(): void {
		global $wpdb;
		$this->shop( 4 );
		$balances = ( new Artly_Bridge_Collector( new Artly_Bridge_Source_Wc_Points(), 2 ) )->balances();
		$this->assertSame( 2, $balances->current()['wp_user_id'] );
		$wpdb->suppress_errors( true );
		$wpdb->query( "DROP TABLE {$wpdb->prefix}wc_points_rewards_user_points" );
		$this->expectException( Artly_Bridge_Read_Exception::class );
		try {
			iterator_to_array( $balances, false );
		} finally {
			$wpdb->suppress_errors( false );
		}
	}

	public function test_another_plugin_adds_a_source_with_points_of_its_own_types(): void {
		add_filter(
			'artly_reminder_bridge_sources',
			function ( $sources ) {
				$sources[] = $this->source_of( array( 'gold', 'points' ) );
				$sources[] = 'no source at all';
				return $sources;
			}
		);
		update_option( Artly_Bridge_Settings::OPTION_SOURCE, 'two_types' );
		$rows = $this->collect( Artly_Bridge_Sources::chosen() );
		$this->assertSame( array( 'gold', 'gold', null, null ), array_map( static fn( $row ) => $row['points_type'] ?? null, $rows ) );
		$this->assertSame( array( 1, 2, 1, 2 ), array_column( $rows, 'wp_user_id' ) );
		$this->assertCount( 3, Artly_Bridge_Sources::all() );
	}

	public function test_a_source_that_does_not_go_forward_is_stopped(): void {
		$this->expectException( Artly_Bridge_Read_Exception::class );
		$this->collect( $this->source_of( array( 'points' ), false ) );
	}

	/**
	 * A source of another plugin.
	 *
	 * @param string[] $types Its types of points.
	 * @param bool     $ends  Whether it ends.
	 */
	private function source_of( array $types, bool $ends = true ): Artly_Bridge_Source {
		return new class( $types, $ends ) implements Artly_Bridge_Source {
			private array $types;
			private bool $ends;

			public function __construct( array $types, bool $ends ) {
				$this->types = $types;
				$this->ends  = $ends;
			}

			public function id(): string {
				return 'two_types';
			}

			public function label(): string {
				return 'Two types';
			}

			public function unavailable_reason(): string {
				return '';
			}

			public function points_types(): array {
				return $this->types;
			}

			public function page( string $points_type, int $after_user_id, int $limit ): array {
				$id  = $this->ends ? $after_user_id + 1 : 1;
				$row = array(
					'wp_user_id'     => $id,
					'email'          => "m{$id}@shop.example",
					'points_balance' => '1',
				);
				return $id > 2 ? array() : array( $row );
			}
		};
	}
}
